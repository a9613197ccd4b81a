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

  @Nullable Throwable refusal() {
    return refusal;
  }
}
