package dev.bouncer.redis;

import org.jspecify.annotations.Nullable;

/** The requests of this JVM, first in, first out; leaving from anywhere costs O(1). */
final class WaiterList {
  private @Nullable Waiter first;
  private @Nullable Waiter last;

  /** The first that Redis has not heard of; all behind it are the same. */
  private @Nullable Waiter firstUnsent;

  private int size;
  private int unsent;

  @Nullable Waiter first() {
    return first;
  }

  @Nullable Waiter firstUnsent() {
    return firstUnsent;
  }

  int size() {
    return size;
  }

  /** How many of them Redis knows. */
  int sent() {
    return size - unsent;
  }

  void append(Waiter waiter) {
    waiter.previous = last;
    if (last == null) {
      first = waiter;
    } else {
      last.next = waiter;
    }
    last = waiter;
    if (firstUnsent == null) {
      firstUnsent = waiter;
    }
    size++;
    unsent++;
  }

  void remove(Waiter waiter) {
    Waiter before = waiter.previous;
    Waiter after = waiter.next;
    if (firstUnsent == waiter) {
      firstUnsent = after;
    }
    if (before == null) {
      first = after;
    } else {
      before.next = after;
    }
    if (after == null) {
      last = before;
    } else {
      after.previous = before;
    }
    size--;
    if (waiter.run == null) {
      unsent--;
    } else {
      waiter.run.removed(waiter, after);
    }
    waiter.previous = null;
    waiter.next = null;
  }

  /** Puts a waiter, the first unsent one, into a run. */
  void sent(Waiter waiter, Run run) {
    run.add(waiter);
    waiter.run = run;
    firstUnsent = waiter.next;
    unsent--;
  }

  /** Forgets every run: Redis has to be told of everybody again. */
  void unsendAll() {
    for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
      waiter.run = null;
    }
    firstUnsent = first;
    unsent = size;
  }
}
