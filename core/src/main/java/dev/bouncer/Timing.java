package dev.bouncer;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The one source of time and of waiting for limiters and pools, so that tests can put their own in
 * its place.
 */
interface Timing {

  /** Monotonic time of the JVM; waits by parking; starts a virtual thread for each alarm. */
  Timing SYSTEM = new SystemTiming();

  /** Monotonic nanoseconds with an arbitrary origin; only differences mean something. */
  long nanoTime();

  /** Parks the calling thread until it is unparked or interrupted, or for no reason. */
  void park(Object blocker);

  /** Parks the calling thread like {@link #park} but no longer than {@code nanos}. */
  void parkNanos(Object blocker, long nanos);

  /** Makes the thread's current or next park return. */
  void unpark(Thread thread);

  /**
   * Runs the action after {@code nanos} on a thread of its own, so that it may block. Cancelling
   * the future before that takes the alarm off the clock.
   */
  Future<?> after(long nanos, Runnable action);

  /** The nanoseconds of a duration; one that does not fit is the nearest that does. */
  static long toNanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException doesNotFit) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  /** What {@link #SYSTEM} is. */
  final class SystemTiming implements Timing {
    private static final Executor VIRTUAL_THREADS =
        action -> Thread.ofVirtual().name("bouncer-timer").start(action);

    private SystemTiming() {}

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public void park(Object blocker) {
      LockSupport.park(blocker);
    }

    @Override
    public void parkNanos(Object blocker, long nanos) {
      LockSupport.parkNanos(blocker, nanos);
    }

    @Override
    public void unpark(Thread thread) {
      LockSupport.unpark(thread);
    }

    @Override
    public Future<?> after(long nanos, Runnable action) {
      CompletableFuture<Boolean> alarm = new CompletableFuture<>();
      var _ = alarm.thenRunAsync(action, VIRTUAL_THREADS);
      // Completing the future in another way, by cancel, also removes the JDK's timer.
      return alarm.completeOnTimeout(true, nanos, TimeUnit.NANOSECONDS);
    }
  }
}
