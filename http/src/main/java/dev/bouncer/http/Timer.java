package dev.bouncer.http;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** The one source of time of a client, so that tests can put their own in its place. */
interface Timer {

  /** The clock of the JVM and the scheduler of its common pool: no thread of its own. */
  Timer SYSTEM = new SystemTimer();

  /** Monotonic nanoseconds with an arbitrary origin; only differences mean something. */
  long nanoTime();

  /** The time of day, for dates that a server sends. */
  Instant now();

  /** Runs the action later. Cancelling the future before that takes it off the clock. */
  Future<?> after(long nanos, Runnable action);

  /** The nanoseconds of a duration; one that does not fit is the largest that a timer takes. */
  static long toNanos(Duration duration) {
    try {
      return Math.min(duration.toNanos(), Long.MAX_VALUE / 2);
    } catch (ArithmeticException doesNotFit) {
      return Long.MAX_VALUE / 2;
    }
  }

  /** What {@link #SYSTEM} is. */
  final class SystemTimer implements Timer {
    private final ScheduledExecutorService scheduler = ForkJoinPool.commonPool();

    private SystemTimer() {}

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public Instant now() {
      return Instant.now();
    }

    @Override
    public Future<?> after(long nanos, Runnable action) {
      return scheduler.schedule(action, nanos, TimeUnit.NANOSECONDS);
    }
  }
}
