package dev.bouncer;

import java.io.Serial;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/** Thrown when a limiter's line of waiters is full: to the newcomer or to the oldest waiter. */
public final class LimiterFullException extends RejectedExecutionException {
  @Serial private static final long serialVersionUID = 1L;

  private final @Nullable Duration retryAfter;

  /**
   * Creates the exception.
   *
   * @param message which limiter was full, with its four numbers
   */
  public LimiterFullException(String message) {
    this(message, null);
  }

  LimiterFullException(String message, @Nullable Duration retryAfter) {
    super(message);
    this.retryAfter = retryAfter;
  }

  /**
   * Returns how long it will take until those who wait now have been served and the same request
   * would be, if they all stay. Only limiters by time know that.
   *
   * @return the time to wait before asking again, or empty if it depends on others
   */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
