package dev.bouncer.redis;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A request whose thread is parked until it is decided. */
final class ParkedWaiter extends Waiter {
  private final Thread thread = Thread.currentThread();

  ParkedWaiter(LocalLine owner, int weight, long since) {
    super(owner, weight, since);
  }

  @Override
  void tell() {
    LockSupport.unpark(thread);
  }

  /**
   * Parks the calling thread, which made this waiter, until it is decided.
   *
   * @param nanos the longest wait, {@link Long#MAX_VALUE} for ever
   * @return the permit, or null when the time was up or the answer was "not now"
   * @throws InterruptedException if the thread was interrupted while it waited; an interrupt that
   *     comes too late for that is restored
   */
  @Nullable RedisPermit await(long nanos) throws InterruptedException {
    boolean interrupted = false;
    try {
      while (isWaiting()) {
        long left = nanos == Long.MAX_VALUE ? nanos : nanos - (owner.timing.nanoTime() - since);
        if (left <= 0) {
          owner.withdraw(this, Departure.TIMED_OUT, null);
        } else if (nanos == Long.MAX_VALUE) {
          LockSupport.park(owner);
        } else {
          LockSupport.parkNanos(owner, left);
        }
        if (Thread.interrupted()) {
          interrupted = true;
          if (owner.withdraw(this, Departure.CANCELLED, null)) {
            interrupted = false;
            throw new InterruptedException();
          }
        }
      }
      return decided();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Parks like {@link #await} for an answer that comes soon, whatever it is; restores interrupts.
   */
  @Nullable RedisPermit awaitAnswer() {
    boolean interrupted = false;
    while (isWaiting()) {
      LockSupport.park(owner);
      interrupted |= Thread.interrupted();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return decided();
  }

  private @Nullable RedisPermit decided() {
    if (refusal() instanceof RuntimeException reason) {
      throw reason;
    }
    return permit();
  }
}
