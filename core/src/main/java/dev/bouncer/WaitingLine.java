package dev.bouncer;

import org.jspecify.annotations.Nullable;

/**
 * Everybody who waits at one limiter: those in line, and those who stepped aside because the limit
 * is too low for them now. Not thread-safe: guarded by its own monitor. Lock, ends of the line and
 * numbers are one object, because a hand-over between two processors then moves one line of their
 * caches instead of four.
 */
final class WaitingLine extends Line {
  private int count;
  private long units;
  private final Line aside = new Line();

  /** How many wait, in line and aside. */
  int count() {
    return count;
  }

  /** The weight of all in line. */
  long units() {
    long inLine = units;
    for (Waiter waiter = aside.first(); waiter != null; waiter = waiter.next) {
      inLine -= waiter.weight(); // nobody stands behind those aside
    }
    return inLine;
  }

  /** Whoever has waited longest, or null if nobody waits. */
  @Nullable Waiter oldest() {
    Waiter oldest = aside.first();
    return oldest != null ? oldest : first();
  }

  void join(Waiter waiter) {
    append(waiter);
    count++;
    units += waiter.weight();
  }

  /** Takes a waiter out from wherever it waits. */
  void leave(Waiter waiter) {
    // Only the two ends of a list have to know which list it is.
    if (waiter != first() && aside.endsWith(waiter)) {
      aside.remove(waiter);
    } else {
      remove(waiter);
    }
    count--;
    units -= waiter.weight();
  }

  /** Moves the first in line aside, so that it blocks nobody. */
  void stepAside(Waiter head) {
    remove(head);
    aside.append(head);
  }

  /** Puts those who stepped aside back to the head of the line, where they came from. */
  void bringBack() {
    prepend(aside);
  }
}
