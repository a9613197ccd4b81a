package dev.bouncer;

import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/**
 * Time that never passes, for races of threads that never block. No alarm rings, so all that is to
 * be done is done by the threads under test: nobody comes to the rescue of a callback that seems to
 * block because its thread was put aside.
 */
final class StandingStill implements Timing {
  @Override
  public long nanoTime() {
    return 0;
  }

  @Override
  public void park(Object blocker) {
    throw new AssertionError("nobody blocks here");
  }

  @Override
  public void parkNanos(Object blocker, long nanos) {
    throw new AssertionError("nobody blocks here");
  }

  @Override
  public void unpark(Thread thread) {}

  @Override
  public Future<?> after(long nanos, Runnable action) {
    return new FutureTask<>(action, null);
  }
}
