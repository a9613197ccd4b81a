package dev.bouncer.redis;

import java.util.HashMap;
import java.util.Map;

/** Reads what {@code INFO} says, and refuses a server on which a semaphore would not be safe. */
final class ServerInfo {
  private static final int OLDEST_MAJOR = 6;
  private static final int OLDEST_MINOR = 2;

  private ServerInfo() {}

  static Transport.Server check(String info) {
    Map<String, String> fields = new HashMap<>();
    info.lines()
        .forEach(line -> {
          int colon = line.indexOf(':');
          if (colon > 0) {
            fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
          }
        });
    String version = fields.getOrDefault("redis_version", "unknown");
    if (!recent(version)) {
      throw new RedisUnavailableException(
          "Redis must be 6.2 or newer, or Valkey: version=" + version);
    }
    if (fields.getOrDefault("redis_mode", "standalone").equals("cluster")) {
      throw new RedisUnavailableException(
          "Redis must not be in cluster mode, use a primary with replicas: redis_mode=cluster");
    }
    if (fields.getOrDefault("role", "master").equals("slave")) {
      throw new RedisUnavailableException("Redis must be the primary, not a replica: role=slave");
    }
    String policy = fields.getOrDefault("maxmemory_policy", "noeviction");
    if (!policy.equals("noeviction") && !fields.getOrDefault("maxmemory", "0").equals("0")) {
      throw new RedisUnavailableException(
          "maxmemory-policy must be noeviction, or permits could be evicted: maxmemory-policy="
              + policy);
    }
    if (!fields.getOrDefault("loading", "0").equals("0")) {
      throw new RedisUnavailableException("Redis must have loaded its data: loading=1");
    }
    String run = fields.getOrDefault("run_id", "");
    if (run.isEmpty()) {
      throw new RedisUnavailableException("Redis must tell its run_id: run_id is missing in INFO");
    }
    return new Transport.Server(
        run,
        1_000 * number(fields.getOrDefault("uptime_in_seconds", "0")),
        !fields.getOrDefault("second_repl_offset", "-1").equals("-1"));
  }

  private static boolean recent(String version) {
    String[] parts = version.split("\\.", -1);
    if (parts.length < 2) {
      return false;
    }
    long major = number(parts[0]);
    return major > OLDEST_MAJOR || (major == OLDEST_MAJOR && number(parts[1]) >= OLDEST_MINOR);
  }

  private static long number(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException notANumber) {
      return 0;
    }
  }
}
