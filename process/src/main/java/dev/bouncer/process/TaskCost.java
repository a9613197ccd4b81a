package dev.bouncer.process;

/**
 * What one function takes to run, learnt from its tasks: a moving average that believes bad news at
 * once and good news slowly. Threads race on it without harm; it is an estimate.
 */
final class TaskCost {
  /** More than any budget: a function that was never seen is not sent ahead of time. */
  private static final long UNKNOWN = Long.MAX_VALUE / 8;

  private static final int SMOOTHING_SHIFT = 3;

  private volatile long nanos = UNKNOWN;

  long nanos() {
    return nanos;
  }

  void ran(long sample) {
    long before = nanos;
    nanos =
        before == UNKNOWN || sample > 2 * before
            ? sample
            : before + ((sample - before) >> SMOOTHING_SHIFT);
  }
}
