package dev.bouncer.http;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** Time that moves only when a test says so. Alarms run on the thread that moves it. */
final class ManualTimer implements Timer {
  private record Alarm(long due, long order, FutureTask<?> action) {}

  static final Instant START = Instant.parse("2026-11-22T12:00:00Z");

  /** Wraps soon: only differences may matter. */
  private static final long ORIGIN = Long.MAX_VALUE - 1_000_000;

  private final PriorityQueue<Alarm> alarms =
      new PriorityQueue<>(Comparator.comparingLong(Alarm::due).thenComparingLong(Alarm::order));
  private long elapsed;
  private long order;

  @Override
  public synchronized long nanoTime() {
    return ORIGIN + elapsed;
  }

  @Override
  public synchronized Instant now() {
    return START.plusNanos(elapsed);
  }

  @Override
  public synchronized Future<?> after(long nanos, Runnable action) {
    FutureTask<?> task = new FutureTask<>(action, null);
    alarms.add(new Alarm(elapsed + nanos, order++, task));
    return task;
  }

  /** How many alarms are set and not cancelled. */
  synchronized int alarms() {
    alarms.removeIf(alarm -> alarm.action().isCancelled());
    return alarms.size();
  }

  void advance(Duration by) {
    long target = elapsed() + by.toNanos();
    for (Alarm next = nextUntil(target); next != null; next = nextUntil(target)) {
      next.action().run();
    }
    synchronized (this) {
      elapsed = target;
    }
  }

  private synchronized long elapsed() {
    return elapsed;
  }

  private synchronized Alarm nextUntil(long target) {
    Alarm next = alarms.peek();
    if (next == null || next.due() > target) {
      return null;
    }
    alarms.remove();
    elapsed = Math.max(elapsed, next.due());
    return next;
  }
}
