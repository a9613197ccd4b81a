package dev.bouncer.redis;

import org.jspecify.annotations.Nullable;

/**
 * Requests of equal weight that stand one behind the other and that Redis was told of together: one
 * entry in its line. Guarded by the lock of the {@link LocalLine}.
 */
final class Run {
  final long number;
  final int weight;

  /** Served at once or not at all; has one waiter, which stands in no line. */
  final boolean attempt;

  /** All that were ever in it less those that left without a grant from Redis. */
  int total;

  private @Nullable Waiter first;
  private int waiting;

  Run(long number, int weight, boolean attempt) {
    this.number = number;
    this.weight = weight;
    this.attempt = attempt;
  }

  void add(Waiter waiter) {
    if (first == null) {
      first = waiter;
    }
    waiting++;
    total++;
  }

  void removed(Waiter waiter, @Nullable Waiter after) {
    if (first == waiter) {
      first = after != null && after.run == this ? after : null;
    }
    waiting--;
  }

  @Nullable Waiter first() {
    return first;
  }

  boolean isEmpty() {
    return waiting == 0;
  }

  String wish() {
    return number + " " + weight + " " + total + (attempt ? " t;" : " q;");
  }
}
