package dev.bouncer.cli.sem;

import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/**
 * A limit in Redis as the command line names it: {@code redis://host:port/NAME}. A password is
 * taken from the environment variable {@code REDISCLI_AUTH}, as by redis-cli, so that no list of
 * processes shows it.
 *
 * @param server where it is, without a password from the environment
 * @param name of the limit
 * @param limit units, as the first one who opens it says
 */
public record RedisLimit(String server, String name, int limit) {

  /**
   * Tells whether a name means a limit in Redis.
   *
   * @param text from the command line
   * @return whether it is a Redis URI
   */
  public static boolean isMeant(String text) {
    return text.startsWith("redis://") || text.startsWith("rediss://");
  }

  /**
   * Reads {@code redis://host:port/NAME=N}.
   *
   * @param text from the command line
   * @return the limit
   * @throws IllegalArgumentException if it is something else
   */
  public static RedisLimit parse(String text) {
    int equals = text.lastIndexOf('=');
    if (equals < 0) {
      throw new IllegalArgumentException("limit must be redis://HOST:PORT/NAME=N: limit=" + text);
    }
    try {
      return parse(text.substring(0, equals), Integer.parseInt(text.substring(equals + 1)));
    } catch (NumberFormatException noNumber) {
      throw new IllegalArgumentException("limit must end with =N, a number: limit=" + text);
    }
  }

  /**
   * Reads {@code redis://host:port/NAME}.
   *
   * @param text from the command line
   * @param limit units
   * @return the limit
   * @throws IllegalArgumentException if it is something else, or the limit is below 1
   */
  public static RedisLimit parse(String text, int limit) {
    int host = text.indexOf("://") + 3;
    int slash = text.lastIndexOf('/');
    if (!isMeant(text) || slash <= host || slash == text.length() - 1) {
      throw new IllegalArgumentException("limit must be redis://HOST:PORT/NAME: limit=" + text);
    }
    if (limit < 1) {
      throw new IllegalArgumentException("limit must be at least 1: limit=" + limit);
    }
    return new RedisLimit(text.substring(0, slash), text.substring(slash + 1), limit);
  }

  /**
   * Connects to the server.
   *
   * @return the connection
   */
  public RedisConnection connect() {
    return RedisSemaphore.connect(withPassword(System.getenv().getOrDefault("REDISCLI_AUTH", "")));
  }

  String withPassword(String password) {
    if (password.isEmpty() || server.contains("@")) {
      return server;
    }
    String encoded = URLEncoder.encode(password, StandardCharsets.UTF_8).replace("+", "%20");
    return server.replaceFirst(
        "://", "://:" + java.util.regex.Matcher.quoteReplacement(encoded) + "@");
  }
}
