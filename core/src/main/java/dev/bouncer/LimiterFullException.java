package dev.bouncer;

import java.io.Serial;
import java.util.concurrent.RejectedExecutionException;

/** Thrown when a limiter's line of waiters is full: to the newcomer or to the oldest waiter. */
public final class LimiterFullException extends RejectedExecutionException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message which limiter was full, with its four numbers
   */
  public LimiterFullException(String message) {
    super(message);
  }
}
