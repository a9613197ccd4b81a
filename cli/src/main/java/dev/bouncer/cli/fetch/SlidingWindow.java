package dev.bouncer.cli.fetch;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.Limiter;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Never more than so many calls in any interval of a length, as strict servers count them. A call
 * keeps its place for that time from when it was sent, however soon it ends.
 *
 * <p>A pace alone does not promise that: after a moment in which this machine was busy it makes up
 * for what was late. And if it did not, each late alarm would be time lost; here a place that is
 * given back late costs that time once an interval, not at each call.
 *
 * <p>The first calls are on their way for longer, while connections are made and code is loaded. A
 * call counts when it arrives; so those that are sent before any has ended keep their places from
 * their end.
 */
final class SlidingWindow {
  private final long nanos;
  private final LongSupplier nanoTime;
  private volatile boolean warm;

  private SlidingWindow(Duration length, LongSupplier nanoTime) {
    this.nanos = length.toNanos();
    this.nanoTime = nanoTime;
  }

  /** Creates a limiter that lets so many calls go in any such interval. */
  static Limiter limiter(int calls, Duration length) {
    return limiter(calls, length, System::nanoTime);
  }

  static Limiter limiter(int calls, Duration length, LongSupplier nanoTime) {
    return new ObservedLimiter(AsyncSemaphore.of(calls), new SlidingWindow(length, nanoTime)::sent);
  }

  private ObservedLimiter.Return sent() {
    long sentAt = nanoTime.getAsLong();
    boolean cold = !warm;
    return (permit, outcome) -> ended(permit, outcome, sentAt, cold);
  }

  private void ended(Permit permit, Outcome outcome, long sentAt, boolean cold) {
    if (outcome != Outcome.UNUSED) {
      warm = true;
    }
    long left = cold ? nanos : nanos - (nanoTime.getAsLong() - sentAt);
    if (outcome == Outcome.UNUSED || left <= 0) {
      permit.close(outcome);
      return;
    }
    Executor onTime =
        CompletableFuture.delayedExecutor(left, TimeUnit.NANOSECONDS, Thread::startVirtualThread);
    onTime.execute(permit::close);
  }
}
