package dev.bouncer;

import java.io.Serial;

/**
 * Thrown to waiters of a limiter that was closed, and to everybody who asks it for a permit later.
 */
public final class LimiterClosedException extends IllegalStateException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message which limiter was closed
   */
  public LimiterClosedException(String message) {
    super(message);
  }
}
