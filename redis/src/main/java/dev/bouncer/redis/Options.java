package dev.bouncer.redis;

import java.util.List;

/**
 * How one semaphore was built.
 *
 * @param name of the semaphore
 * @param prefix of its keys
 * @param limit at the first opening
 * @param policy if Redis remembers another limit
 * @param leaseNanos until a silent holder loses its permits
 * @param graceNanos until one that is cut off does
 * @param strictFifo whether each permit goes through Redis
 * @param reuseNanos how long an idle permit stays in this JVM
 */
record Options(
    String name,
    String prefix,
    int limit,
    LimitPolicy policy,
    long leaseNanos,
    long graceNanos,
    boolean strictFifo,
    long reuseNanos) {

  /** All keys of a semaphore have one hash tag. */
  String key(String part) {
    return prefix + ":{" + name + "}:" + part;
  }

  List<String> keys() {
    return List.of(key("state"), key("line"), key("leases"));
  }

  String channels() {
    return key("session:");
  }

  String channel(Session session) {
    return channels() + session.id;
  }

  String everybody() {
    return channels() + "all";
  }
}
