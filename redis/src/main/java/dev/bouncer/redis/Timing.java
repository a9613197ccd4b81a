package dev.bouncer.redis;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** The one source of time, threads and chance, so that tests can put their own in its place. */
interface Timing {

  /** Monotonic nanoseconds with an arbitrary origin; only differences mean something. */
  long nanoTime();

  /** Runs a short action that never blocks after {@code nanos}. */
  Future<?> after(long nanos, Runnable action);

  /** Runs users' code: each action on a thread of its own, so that it may block. */
  void deliver(Runnable action);

  /** What sessions are named by, so no two in the cluster may ever draw the same. */
  RandomGenerator random();

  /** Stops the clock; no action runs after that. */
  void close();

  /** The nanoseconds of a duration; one that does not fit is the nearest that does. */
  static long toNanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException doesNotFit) {
      return duration.isNegative() ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  /** The time of the JVM, one daemon thread for alarms, and virtual threads for users' code. */
  static Timing system() {
    return new Timing() {
      private final Executor deliveries =
          action -> Thread.ofVirtual().name("bouncer-redis-callback").start(action);
      private final ScheduledThreadPoolExecutor alarms = alarms();
      private final SecureRandom chance = new SecureRandom();

      @Override
      public long nanoTime() {
        return System.nanoTime();
      }

      @Override
      public Future<?> after(long nanos, Runnable action) {
        return alarms.schedule(action, nanos, TimeUnit.NANOSECONDS);
      }

      @Override
      public void deliver(Runnable action) {
        deliveries.execute(action);
      }

      @Override
      public RandomGenerator random() {
        return chance;
      }

      @Override
      public void close() {
        alarms.shutdownNow();
      }
    };
  }

  private static ScheduledThreadPoolExecutor alarms() {
    ScheduledThreadPoolExecutor alarms =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().name("bouncer-redis-timer").daemon().factory());
    alarms.setRemoveOnCancelPolicy(true);
    alarms.setRejectedExecutionHandler((_, _) -> {}); // closed: nobody waits for the alarm any more
    return alarms;
  }
}
