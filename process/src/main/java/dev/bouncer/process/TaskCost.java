package dev.bouncer.process;

/**
 * What one function takes to run, learnt from its tasks. Follows the middle of what it sees rather
 * than the mean: each task moves the estimate by a factor at most, so that one that was slow
 * because the machine was busy counts for no more than any other. Threads race on it without harm.
 */
final class TaskCost {
  /** More than any budget: a function that was never seen is not sent ahead of time. */
  private static final long UNKNOWN = Long.MAX_VALUE / 8;

  private static final long SHORTEST = 100;

  private volatile long nanos = UNKNOWN;

  long nanos() {
    return nanos;
  }

  void ran(long sample) {
    long before = nanos;
    if (before == UNKNOWN) {
      nanos = Math.max(sample, SHORTEST);
    } else if (sample > before) {
      nanos = Math.min(sample, 2 * before);
    } else if (before > SHORTEST) {
      nanos = Math.max(sample, before - before / 4);
    }
  }
}
