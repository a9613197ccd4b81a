/**
 * ProcessPool: tasks in at most N child JVMs.
 *
 * <p>Three packages: {@code dev.bouncer.process} is the pool as its user and its own JVM see it,
 * {@code wire} is what travels between the two JVMs, {@code worker} is what runs in the child.
 */
module dev.bouncer.process {
  requires transitive dev.bouncer;
  requires jdk.jfr;
  requires static transitive org.jspecify;

  exports dev.bouncer.process;
}
