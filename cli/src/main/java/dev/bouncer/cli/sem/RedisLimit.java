package dev.bouncer.cli.sem;

import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

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
  private static final int MAX_PORT = 65_535;

  /** What may stand between a server and the name of a limit. */
  private static final Pattern DATABASE = Pattern.compile("(/\\d{1,9})?");

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
   * @throws IllegalArgumentException if it is something else, or N is below 1
   */
  public static RedisLimit parse(String text) {
    int equals = text.lastIndexOf('=');
    if (equals < 0) {
      throw malformed("=N", text);
    }
    int limit;
    try {
      limit = Integer.parseInt(text.substring(equals + 1));
    } catch (NumberFormatException noNumber) {
      throw new IllegalArgumentException("limit must end with =N, a number: " + shown(text));
    }
    return of(text.substring(0, equals), limit, "=N", text);
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
    return of(text, limit, "", text);
  }

  private static RedisLimit of(String address, int limit, String ending, String text) {
    int slash = address.lastIndexOf('/');
    if (!isMeant(address) || slash == address.length() - 1) {
      throw malformed(ending, text);
    }
    String server = address.substring(0, slash);
    URI uri;
    try {
      uri = new URI(server);
    } catch (URISyntaxException wrong) {
      throw malformed(ending, text);
    }
    if (uri.getHost() == null
        || uri.getPort() > MAX_PORT
        || !DATABASE.matcher(uri.getPath()).matches()) {
      throw malformed(ending, text);
    }
    if (limit < 1) {
      throw new IllegalArgumentException("limit must be at least 1: limit=" + limit);
    }
    return new RedisLimit(server, address.substring(slash + 1), limit);
  }

  private static IllegalArgumentException malformed(String ending, String text) {
    return new IllegalArgumentException(
        "limit must be redis://HOST:PORT/NAME" + ending + ": " + shown(text));
  }

  /** What was given, without the password that it may contain. */
  private static String shown(String text) {
    return "limit=" + text.replaceFirst("//.*@", "//***@");
  }

  /** Lets an option of the command line be a limit with its {@code =N}. */
  public static final class Converter implements ITypeConverter<RedisLimit> {
    /** Makes a converter. */
    public Converter() {}

    @Override
    public RedisLimit convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException wrong) {
        throw new TypeConversionException(wrong.getMessage());
      }
    }
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
    return server.replaceFirst("://", "://:" + Matcher.quoteReplacement(encoded) + "@");
  }
}
