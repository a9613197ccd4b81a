package dev.bouncer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Real time that jumps ahead by one interval whenever a permit of weight 1 is closed: a rate
 * limiter on this clock, whose interval is far longer than any test, hands units out again when
 * their permits were closed, as the laws expect of every limiter.
 */
final class RefillOnClose implements Timing {
  static final Duration INTERVAL = Duration.ofMinutes(10);

  private static final Duration SOON = Duration.ofSeconds(1);

  private final AtomicLong ahead = new AtomicLong();
  private final List<Alarm> alarms = new ArrayList<>();

  private record Alarm(long due, FutureTask<?> task) {}

  /** The clock may jump between a look at it and the alarm that is reckoned from that look. */
  private final ThreadLocal<Long> lastLook = ThreadLocal.withInitial(() -> 0L);

  @Override
  public long nanoTime() {
    long now = System.nanoTime() + ahead.get();
    lastLook.set(now);
    return now;
  }

  @Override
  public void park(Object blocker) {
    SYSTEM.park(blocker);
  }

  @Override
  public void parkNanos(Object blocker, long nanos) {
    SYSTEM.parkNanos(blocker, nanos);
  }

  @Override
  public void unpark(Thread thread) {
    SYSTEM.unpark(thread);
  }

  /**
   * Rings in real time, or at once on the thread that closes a permit; what is due soon anyhow
   * expects a thread of its own.
   */
  @Override
  public Future<?> after(long nanos, Runnable action) {
    if (nanos < SOON.toNanos()) {
      return SYSTEM.after(nanos, action);
    }
    FutureTask<?> task = new FutureTask<>(action, null);
    long due = lastLook.get() + Math.min(nanos, Long.MAX_VALUE / 4);
    long left;
    synchronized (alarms) {
      alarms.removeIf(alarm -> alarm.task.isDone());
      alarms.add(new Alarm(due, task));
      left = due - nanoTime();
    }
    var _ = SYSTEM.after(Math.max(left, 0), task);
    return task;
  }

  void closed(int weight) {
    ahead.addAndGet(weight * INTERVAL.toNanos());
    List<FutureTask<?>> due = new ArrayList<>();
    synchronized (alarms) {
      long now = nanoTime();
      for (Alarm alarm : alarms) {
        if (alarm.due - now <= 0) {
          due.add(alarm.task);
        }
      }
      alarms.removeIf(alarm -> due.contains(alarm.task));
    }
    due.forEach(FutureTask::run);
  }
}
