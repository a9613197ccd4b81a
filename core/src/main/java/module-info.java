/**
 * Limiters, permits, pools and the bounded map of Bouncer.
 *
 * <p>Needs nothing but {@code java.base} and {@code jdk.jfr}.
 */
module dev.bouncer {
  requires jdk.jfr;
  requires static transitive org.jspecify;

  exports dev.bouncer;
}
