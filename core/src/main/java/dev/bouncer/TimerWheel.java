package dev.bouncer;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Deadlines of the asynchronous waiters of one limiter: scheduling and cancelling cost O(1)
 * whatever their number. Not thread-safe: guarded by the limiter's lock.
 *
 * <p>A hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP
 * 1987). Level 0 has 64 slots of one {@link #TICK_NANOS tick}, level 1 has 64 slots of 64 ticks,
 * and so on. A deadline lives on the level of the highest group of six bits in which it differs
 * from the present tick; when time reaches its slot it moves down, until it is due on level 0. One
 * bitmap a level finds the next used slot without a walk.
 */
final class TimerWheel {
  /** 2^20 ns, about a millisecond: a deadline is never early and at most this late. */
  static final int TICK_SHIFT = 20;

  static final long TICK_NANOS = 1L << TICK_SHIFT;

  private static final int SLOT_BITS = 6;
  private static final int SLOTS = 1 << SLOT_BITS;

  /** Seven levels of six bits span 42 bits of ticks: 146 years; later deadlines wait there. */
  private static final int LEVELS = 7;

  private static final long FARTHEST_TICKS = (1L << (SLOT_BITS * LEVELS)) - 1;

  private final long origin;
  private final @Nullable TimedWaiter[][] slots = new @Nullable TimedWaiter[LEVELS][SLOTS];
  private final long[] usedSlots = new long[LEVELS];
  private long present; // in ticks since origin
  private int size;

  TimerWheel(long nanoTime) {
    origin = nanoTime;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /**
   * The first tick at or after the moment that lies {@code delay} nanoseconds after {@code now}.
   */
  long tickAfter(long now, long delay) {
    long elapsed = Math.max(now - origin, 0);
    long nanos = elapsed + Math.min(delay, Long.MAX_VALUE - elapsed);
    long tick = (nanos >>> TICK_SHIFT) + ((nanos & (TICK_NANOS - 1)) == 0 ? 0 : 1);
    return Math.min(tick, FARTHEST_TICKS);
  }

  void schedule(TimedWaiter waiter) {
    size++;
    insert(waiter);
  }

  void cancel(TimedWaiter waiter) {
    size--;
    unlink(waiter);
  }

  /** Nanoseconds from {@code now} until {@link #advance} has something to do. */
  long nanosToNext(long now) {
    int level = lowestUsedLevel();
    long tick = level == LEVELS ? FARTHEST_TICKS : startOfNextSlot(level);
    return Math.max((tick << TICK_SHIFT) - (now - origin), 0);
  }

  /**
   * Moves time on to {@code now} and returns a waiter that is due, or null when none is left. The
   * waiter stays scheduled until it is cancelled.
   */
  @Nullable TimedWaiter advance(long now) {
    long target = Math.max((now - origin) >> TICK_SHIFT, present);
    while (true) {
      int level = lowestUsedLevel();
      if (level == LEVELS || startOfNextSlot(level) > target) {
        present = target;
        return null;
      }
      long reached = startOfNextSlot(level);
      int slot = slotOf(level, reached);
      present = Math.max(reached, present);
      TimedWaiter waiter = Objects.requireNonNull(slots[level][slot]);
      if (waiter.deadlineTick <= present) {
        return waiter;
      }
      unlink(waiter);
      insert(waiter);
    }
  }

  private int lowestUsedLevel() {
    int level = 0;
    while (level < LEVELS && usedSlots[level] == 0) {
      level++;
    }
    return level;
  }

  /** The first tick of a level's next used slot. No used slot lies before the present tick's. */
  private long startOfNextSlot(int level) {
    int shift = level * SLOT_BITS;
    long round = (present >> shift) & -SLOTS;
    return (round + Long.numberOfTrailingZeros(usedSlots[level])) << shift;
  }

  private static int slotOf(int level, long tick) {
    return (int) (tick >> (level * SLOT_BITS)) & (SLOTS - 1);
  }

  private void insert(TimedWaiter waiter) {
    long tick = Math.max(waiter.deadlineTick, present);
    long differing = tick ^ present;
    int level = differing == 0 ? 0 : (63 - Long.numberOfLeadingZeros(differing)) / SLOT_BITS;
    int slot = slotOf(level, tick);
    TimedWaiter first = slots[level][slot];
    waiter.wheelSlot = level * SLOTS + slot;
    waiter.timerNext = first;
    waiter.timerPrevious = null;
    if (first != null) {
      first.timerPrevious = waiter;
    }
    slots[level][slot] = waiter;
    usedSlots[level] |= 1L << slot;
  }

  private void unlink(TimedWaiter waiter) {
    int level = waiter.wheelSlot / SLOTS;
    int slot = waiter.wheelSlot % SLOTS;
    TimedWaiter after = waiter.timerNext;
    TimedWaiter before = waiter.timerPrevious;
    if (after != null) {
      after.timerPrevious = before;
    }
    if (before != null) {
      before.timerNext = after;
    } else {
      slots[level][slot] = after;
      if (after == null) {
        usedSlots[level] &= ~(1L << slot);
      }
    }
    waiter.timerNext = null;
    waiter.timerPrevious = null;
  }
}
