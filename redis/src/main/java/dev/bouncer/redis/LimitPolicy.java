package dev.bouncer.redis;

/** Which limit is in force when a semaphore is opened and Redis remembers another one. */
public enum LimitPolicy {
  /** The limit that Redis remembers stays in force; the given one is for the first opener. */
  KEEP,
  /** The given limit replaces the one that Redis remembers, for all machines. */
  REPLACE
}
