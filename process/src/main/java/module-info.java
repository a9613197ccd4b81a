/** ProcessPool: tasks in at most N child JVMs. */
module dev.bouncer.process {
  requires transitive dev.bouncer;
  requires static transitive org.jspecify;
}
