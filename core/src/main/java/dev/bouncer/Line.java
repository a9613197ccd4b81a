package dev.bouncer;

import org.jspecify.annotations.Nullable;

/**
 * The waiters of a limiter, first in, first out: a doubly linked list through the waiters
 * themselves, so that leaving from anywhere costs O(1) and leaves nothing behind. The {@code
 * previous} of the first is left as it was: a hand-over need not touch the second. Not thread-safe:
 * guarded by the limiter's lock.
 */
class Line {
  private @Nullable Waiter first;
  private @Nullable Waiter last;

  @Nullable Waiter first() {
    return first;
  }

  boolean startsWith(Waiter waiter) {
    return waiter == first;
  }

  /** Whether the waiter is the first or the last here; the null ends of others never are. */
  boolean endsWith(Waiter waiter) {
    return waiter == first || waiter == last;
  }

  void append(Waiter waiter) {
    Waiter before = last;
    waiter.previous = before;
    last = waiter;
    if (before == null) {
      first = waiter;
    } else {
      before.next = waiter;
    }
  }

  void remove(Waiter waiter) {
    Waiter before = waiter == first ? null : waiter.previous;
    Waiter after = waiter.next;
    if (before == null) {
      first = after;
    } else {
      before.next = after;
    }
    if (after == null) {
      last = before;
    } else if (before != null) {
      after.previous = before;
    }
    waiter.next = null;
    waiter.previous = null;
  }

  /** Puts all of the other line before all of this one and leaves the other empty. */
  void prepend(Line other) {
    Waiter otherLast = other.last;
    if (otherLast == null) {
      return;
    }
    Waiter before = first;
    otherLast.next = before;
    if (before == null) {
      last = otherLast;
    } else {
      before.previous = otherLast;
    }
    first = other.first;
    other.first = null;
    other.last = null;
  }
}
