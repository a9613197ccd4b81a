package dev.bouncer;

import org.jspecify.annotations.Nullable;

/** A request whose thread is parked until it is granted or refused. Nobody else sees its future. */
final class BlockedWaiter extends Waiter {
  private final Thread thread;

  /** Why there will be no permit, from whoever sent it away. */
  private volatile @Nullable Throwable refusal;

  BlockedWaiter(QueuedLimiter limiter, int weight, int since) {
    super(limiter, weight, since);
    this.thread = Thread.currentThread();
  }

  @Override
  void deliver() {
    limiter.timing.unpark(thread);
  }

  @Override
  void refuse(Throwable reason) {
    refusal = reason;
    limiter.timing.unpark(thread);
  }

  /**
   * Parks the calling thread, which made this waiter and stood it in line, until it is granted.
   *
   * @return false when the time was up first
   * @throws InterruptedException if the thread was interrupted while it stood in line; an interrupt
   *     that comes too late for that is restored
   */
  boolean await(long nanos) throws InterruptedException {
    long start = nanos == Long.MAX_VALUE ? 0 : limiter.timing.nanoTime();
    boolean interrupted = false;
    try {
      while (true) {
        if (granted()) {
          return true;
        }
        if (refusal instanceof RuntimeException reason) {
          throw reason;
        }
        if (!park(nanos, start)) {
          return false;
        }
        if (Thread.interrupted()) {
          if (limiter.withdraw(this, ServedLine.Departure.CANCELLED)) {
            throw new InterruptedException();
          }
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Parks once; false if the time is up and the line was left. */
  private boolean park(long nanos, long start) {
    Timing timing = limiter.timing;
    if (nanos == Long.MAX_VALUE) {
      timing.park(limiter);
      return true;
    }
    long left = nanos - (timing.nanoTime() - start);
    if (left > 0) {
      timing.parkNanos(limiter, left);
    } else if (limiter.withdraw(this, ServedLine.Departure.TIMED_OUT)) {
      return false;
    } else if (!granted() && refusal == null) {
      timing.park(limiter); // whoever sent it away is about to say why
    }
    return true;
  }
}
