package dev.bouncer.cli.run;

import java.util.concurrent.atomic.AtomicLong;

/** How much captured output may be held in memory, over all jobs. */
public final class MemoryBudget {
  private final AtomicLong left;

  /**
   * Makes a budget.
   *
   * @param bytes how many there are to take
   */
  public MemoryBudget(long bytes) {
    this.left = new AtomicLong(bytes);
  }

  /** Takes bytes from the budget if they are there. */
  boolean take(long bytes) {
    if (left.addAndGet(-bytes) >= 0) {
      return true;
    }
    left.addAndGet(bytes);
    return false;
  }

  void giveBack(long bytes) {
    left.addAndGet(bytes);
  }
}
