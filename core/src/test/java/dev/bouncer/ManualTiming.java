package dev.bouncer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;

/** Time that moves only when a test says so. Alarms run on the thread that moves it. */
final class ManualTiming implements Timing {
  private record Alarm(long due, long order, FutureTask<?> action) {}

  private final PriorityQueue<Alarm> alarms =
      new PriorityQueue<>(Comparator.comparingLong(Alarm::due).thenComparingLong(Alarm::order));
  private final Set<Thread> parkedForATime = ConcurrentHashMap.newKeySet();

  /** Wraps soon: only differences may matter. */
  private static final long ORIGIN = Long.MAX_VALUE - 1_000_000;

  private volatile long now = ORIGIN;
  private long order;

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public void park(Object blocker) {
    LockSupport.park(blocker);
  }

  @Override
  public void parkNanos(Object blocker, long nanos) {
    parkedForATime.add(Thread.currentThread());
    LockSupport.park(blocker);
  }

  @Override
  public void unpark(Thread thread) {
    LockSupport.unpark(thread);
  }

  @Override
  public synchronized Future<?> after(long nanos, Runnable action) {
    long delay = nanos > Long.MAX_VALUE / 2 ? Long.MAX_VALUE / 2 : nanos;
    FutureTask<?> task = new FutureTask<>(action, null);
    alarms.removeIf(alarm -> alarm.action().isCancelled());
    alarms.add(new Alarm(elapsed() + delay, order++, task));
    return task;
  }

  /** How many threads have parked for a bounded time so far. */
  int timedParks() {
    return parkedForATime.size();
  }

  synchronized int alarmsSet() {
    alarms.removeIf(alarm -> alarm.action().isCancelled());
    return alarms.size();
  }

  void advance(Duration by) {
    long target = elapsed() + by.toNanos();
    while (true) {
      Alarm next;
      synchronized (this) {
        next = alarms.peek();
        if (next == null || next.due() > target) {
          break;
        }
        alarms.remove(next);
        now = ORIGIN + Math.max(next.due(), elapsed());
      }
      next.action().run();
    }
    now = ORIGIN + target;
    List.copyOf(new ArrayList<>(parkedForATime)).forEach(LockSupport::unpark);
  }

  private long elapsed() {
    return now - ORIGIN;
  }
}
