package dev.bouncer;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** An asynchronous request that gives up by itself at a deadline. Fields guarded by the lock. */
final class TimedWaiter extends Waiter {
  final Duration timeout;
  final long deadlineTick;
  int wheelSlot;
  @Nullable TimedWaiter timerNext;
  @Nullable TimedWaiter timerPrevious;

  TimedWaiter(QueuedLimiter limiter, int weight, int since, Duration timeout, long deadlineTick) {
    super(limiter, weight, since);
    this.timeout = timeout;
    this.deadlineTick = deadlineTick;
  }
}
