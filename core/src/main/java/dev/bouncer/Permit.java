package dev.bouncer;

import java.util.Objects;

/**
 * What you hold while you run. Closing it gives it back to the {@link Limiter} it came from, once.
 *
 * <p>A permit is bound to no thread: any thread may close it. The second and later calls of {@link
 * #close()} do nothing, from whichever thread they come, so that nothing can be given back twice.
 * Closing never blocks, never throws, and is still right after the limiter was closed.
 *
 * <pre>{@code
 * try (var _ = limiter.acquire()) {
 *   callTheApi();
 * }
 * }</pre>
 */
public interface Permit extends AutoCloseable {

  /**
   * Returns how many units of the limit this permit takes.
   *
   * @return the weight, at least 1
   */
  int weight();

  /**
   * Gives the permit back and hands it to those who wait for it, first in, first out. Calls after
   * the first do nothing.
   *
   * <p>Futures that this call completes run their dependent actions on the calling thread, after
   * the limiter's own work is done and never nested inside each other.
   */
  @Override
  void close();

  /**
   * Gives the permit back like {@link #close()} and tells the limiter how the work ended. Adaptive
   * limiters learn from it, and a {@link RateLimiter} puts back what was {@linkplain Outcome#UNUSED
   * not used}; every other limiter treats the outcomes alike.
   *
   * @param outcome how the work ended
   */
  default void close(Outcome outcome) {
    Objects.requireNonNull(outcome, "outcome");
    close();
  }
}
