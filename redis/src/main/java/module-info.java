/**
 * RedisSemaphore: one limit shared by many machines.
 *
 * <p>Only {@code LettuceTransport} knows which driver is used.
 */
@SuppressWarnings("requires-automatic") // the driver has no module descriptor
module dev.bouncer.redis {
  requires transitive dev.bouncer;
  requires lettuce.core;
  requires static transitive org.jspecify;

  exports dev.bouncer.redis;
}
