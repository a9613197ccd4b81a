package dev.bouncer;

import java.io.Serial;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** What a request fails with that got no permit in time. */
public final class LimiterTimeoutException extends TimeoutException {
  @Serial private static final long serialVersionUID = 1L;

  private final @Nullable Duration retryAfter;

  /**
   * Creates the exception.
   *
   * @param message which limiter had no permit, for how long, with its four numbers
   */
  public LimiterTimeoutException(String message) {
    this(message, null);
  }

  LimiterTimeoutException(String message, @Nullable Duration retryAfter) {
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
