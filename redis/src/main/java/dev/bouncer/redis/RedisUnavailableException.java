package dev.bouncer.redis;

import java.io.Serial;

/**
 * Thrown when no usable Redis was found in time: unreachable, refused, too old or misconfigured.
 */
public final class RedisUnavailableException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message which server was tried, and what is wrong with it
   */
  public RedisUnavailableException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message which server was tried, and what is wrong with it
   * @param cause what the driver reported
   */
  public RedisUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
