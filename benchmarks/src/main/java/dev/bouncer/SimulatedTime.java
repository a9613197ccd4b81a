package dev.bouncer;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * Virtual time for simulations: one thread, and a clock that jumps from event to event. In the
 * package of the limiters because their source of time is not public.
 */
public final class SimulatedTime {
  private record Event(long at, long order, Runnable action) {}

  private final PriorityQueue<Event> events =
      new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::order));
  private long now;
  private long order;

  /** Time begins at zero. */
  public SimulatedTime() {}

  /**
   * Returns the present.
   *
   * @return nanoseconds since the beginning
   */
  public long now() {
    return now;
  }

  /**
   * Runs something later.
   *
   * @param nanos how much later
   * @param action what
   */
  public void after(long nanos, Runnable action) {
    events.add(new Event(now + nanos, order++, action));
  }

  /**
   * Runs all events up to a moment.
   *
   * @param end the moment
   */
  public void runUntil(long end) {
    for (Event next = events.peek(); next != null && next.at <= end; next = events.peek()) {
      events.remove();
      now = next.at;
      next.action.run();
    }
    now = end;
  }

  /**
   * Creates a limiter that lives in this time.
   *
   * @param builder describes it
   * @return the limiter
   */
  public AdaptiveLimiter create(AdaptiveLimiter.Builder builder) {
    return builder.build(new Simulated());
  }

  /**
   * Creates a limiter that lives in this time.
   *
   * @param builder describes it
   * @return the limiter
   */
  public RateLimiter create(RateLimiter.Builder builder) {
    return builder.build(new Simulated());
  }

  /**
   * Combines limiters that live in this time.
   *
   * @param first one of them
   * @param others the others
   * @return what {@link Limiter#allOf} makes of them
   */
  public Limiter allOf(Limiter first, Limiter... others) {
    return CompositeLimiter.of(new Simulated(), first, others);
  }

  private final class Simulated implements Timing {
    @Override
    public long nanoTime() {
      return now;
    }

    @Override
    public void park(Object blocker) {
      throw new IllegalStateException("nobody may block in a simulation");
    }

    @Override
    public void parkNanos(Object blocker, long nanos) {
      park(blocker);
    }

    @Override
    public void unpark(Thread thread) {}

    @Override
    public Future<?> after(long nanos, Runnable action) {
      CompletableFuture<Boolean> alarm = new CompletableFuture<>();
      SimulatedTime.this.after(
          nanos,
          () -> {
            if (alarm.complete(true)) {
              action.run();
            }
          });
      return alarm;
    }
  }
}
