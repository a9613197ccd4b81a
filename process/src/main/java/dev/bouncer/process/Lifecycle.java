package dev.bouncer.process;

import java.util.concurrent.locks.Condition;

/**
 * How far a pool is on its way from its first task to its end. Guarded by the lock of the books.
 */
final class Lifecycle {
  private enum Phase {
    RUNNING,
    /** No new tasks; the queue is worked off. */
    SHUTDOWN,
    /** What runs is interrupted, then killed. */
    STOPPED,
    /** All workers are gone. */
    TERMINATED
  }

  private final Condition terminated;
  private Phase phase = Phase.RUNNING;

  Lifecycle(Condition terminated) {
    this.terminated = terminated;
  }

  boolean acceptsTasks() {
    return phase == Phase.RUNNING;
  }

  boolean isStopped() {
    return phase.compareTo(Phase.STOPPED) >= 0;
  }

  boolean isTerminated() {
    return phase == Phase.TERMINATED;
  }

  void shutDown() {
    advanceTo(Phase.SHUTDOWN);
  }

  /** Returns whether the pool was not stopped before. */
  boolean stop() {
    return advanceTo(Phase.STOPPED);
  }

  void terminate() {
    if (advanceTo(Phase.TERMINATED)) {
      terminated.signalAll();
    }
  }

  /** Waits for the end; false if the time is up before. */
  boolean awaitTermination(long nanos) throws InterruptedException {
    long left = nanos;
    while (phase != Phase.TERMINATED) {
      if (left <= 0) {
        return false;
      }
      left = terminated.awaitNanos(left);
    }
    return true;
  }

  private boolean advanceTo(Phase next) {
    if (phase.compareTo(next) >= 0) {
      return false;
    }
    phase = next;
    return true;
  }
}
