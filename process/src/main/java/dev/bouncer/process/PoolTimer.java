package dev.bouncer.process;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Does things later, on one thread of the pool, until the pool has ended. */
final class PoolTimer {
  private final ScheduledThreadPoolExecutor executor;
  private final Consumer<Runnable> guard;

  /**
   * Makes the timer.
   *
   * @param guard runs each action, and does what must be done when that fails
   */
  PoolTimer(String name, Consumer<Runnable> guard) {
    this.guard = guard;
    this.executor =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name(name + "-timer").factory());
    executor.setRemoveOnCancelPolicy(true);
  }

  /** Returns what cancels the action; null if the pool has ended, and nothing is left to watch. */
  @Nullable Future<?> after(Duration delay, Runnable action) {
    try {
      return executor.schedule(() -> guard.accept(action), nanos(delay), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException ended) {
      return null;
    }
  }

  void every(Duration period, Runnable action) {
    long nanos = nanos(period);
    var _ =
        executor.scheduleWithFixedDelay(
            () -> guard.accept(action), nanos, nanos, TimeUnit.NANOSECONDS);
  }

  void end() {
    executor.shutdownNow();
  }

  static long nanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE / 2;
    }
  }
}
