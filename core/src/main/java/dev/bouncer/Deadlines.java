package dev.bouncer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The deadlines of the tasks of one {@link MappingRun}. All tasks have the same time, so the order
 * in which they start is the order of their deadlines, and one alarm, for the oldest, will do. A
 * task that ends in time is forgotten at once.
 */
final class Deadlines {
  private final Duration perTask;
  private final Timing timing;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by the lock.
  private final Map<Slot<?, ?>, Long> deadlines = new LinkedHashMap<>();
  private boolean alarmed;

  Deadlines(Duration perTask, Timing timing) {
    this.perTask = perTask;
    this.timing = timing;
  }

  /** The task of a slot starts now. */
  void started(Slot<?, ?> slot) {
    long nanos = Timing.toNanos(perTask);
    lock.lock();
    try {
      if (slot.isSettled()) {
        return;
      }
      deadlines.put(slot, timing.nanoTime() + nanos);
      if (!alarmed) {
        alarmed = true;
        var _ = timing.after(nanos, this::ring);
      }
    } finally {
      lock.unlock();
    }
  }

  /** The task of a slot has ended; called after the slot was settled. */
  void ended(Slot<?, ?> slot) {
    lock.lock();
    try {
      deadlines.remove(slot);
    } finally {
      lock.unlock();
    }
  }

  private void ring() {
    for (Slot<?, ?> slot : takeDue()) {
      slot.timedOut(
          new TimeoutException("the task must end within its timeout: timeout=" + perTask));
    }
  }

  private List<Slot<?, ?>> takeDue() {
    List<Slot<?, ?>> due = new ArrayList<>();
    lock.lock();
    try {
      long now = timing.nanoTime();
      Iterator<Map.Entry<Slot<?, ?>, Long>> oldestFirst = deadlines.entrySet().iterator();
      alarmed = false;
      while (oldestFirst.hasNext() && !alarmed) {
        var next = oldestFirst.next();
        long left = next.getValue() - now;
        if (left <= 0) {
          due.add(next.getKey());
          oldestFirst.remove();
        } else {
          alarmed = true;
          var _ = timing.after(left, this::ring);
        }
      }
      return due;
    } finally {
      lock.unlock();
    }
  }
}
