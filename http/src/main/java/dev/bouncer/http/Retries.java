package dev.bouncer.http;

import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import dev.failsafe.RetryPolicy;
import dev.failsafe.spi.Scheduler;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.http.HttpRequest;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Delayed;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Which attempts are made again, and after how long. The loop, the backoff and the cancellation of
 * a wait are Failsafe's; the first attempt begins on the calling thread, so that calls stand in
 * line in the order in which they were made.
 */
final class Retries {
  /** RFC 9110, section 9.2.2. */
  private static final Set<String> IDEMPOTENT =
      Set.of("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE");

  private static final double JITTER = 0.5;

  private final int most;
  private final FailsafeExecutor<Attempt.Answer<?>> loop;

  Retries(int most, Duration firstBackoff, Duration longestBackoff, Timer timer) {
    this.most = most;
    RetryPolicy<Attempt.Answer<?>> policy =
        RetryPolicy.<Attempt.Answer<?>>builder()
            .handleResultIf(answer -> answer != null && answer.isToBeRepeated())
            .handleIf((Throwable _) -> false) // attempts do not throw; what else does is a bug
            .withMaxRetries(most)
            .withBackoff(firstBackoff, longestBackoff)
            .withJitter(JITTER)
            .build();
    this.loop = Failsafe.with(policy).with(new TimerScheduler(timer));
  }

  /**
   * Makes attempts until one is not to be repeated or no retry is left. Cancelling the future
   * cancels the attempt or the wait between two.
   *
   * @param attempt starts an attempt; is told whether another one may follow
   */
  <T> CompletableFuture<Attempt.Answer<T>> run(
      Function<Boolean, CompletableFuture<Attempt.Answer<T>>> attempt) {
    return loop.getStageAsync(context -> attempt.apply(context.getAttemptCount() < most));
  }

  static boolean isIdempotent(HttpRequest request) {
    return IDEMPOTENT.contains(request.method());
  }

  /** Whether the server may answer differently soon: what curl calls transient. */
  static boolean isTransient(int status) {
    return switch (status) {
      case 408, 429, 500, 502, 503, 504 -> true;
      default -> false;
    };
  }

  /**
   * Whether the network may work again soon: not if there is no such host, or the peer is wrong.
   */
  static boolean isTransient(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UnresolvedAddressException
          || cause instanceof SSLException
          || cause instanceof ProtocolException) {
        return false;
      }
    }
    return failure instanceof IOException;
  }

  /** Runs what is due at once on the calling thread, the rest by the client's timer. */
  private record TimerScheduler(Timer timer) implements Scheduler {
    @Override
    public ScheduledFuture<?> schedule(Callable<?> action, long delay, TimeUnit unit) {
      Run<?> run = new Run<>(action);
      if (delay <= 0) {
        run.run();
      } else {
        run.alarm = timer.after(unit.toNanos(delay), run);
      }
      return run;
    }
  }

  /** One action of the scheduler. */
  private static final class Run<V extends @Nullable Object> extends FutureTask<V>
      implements ScheduledFuture<V> {
    private volatile @Nullable Future<?> alarm;

    Run(Callable<V> action) {
      super(action);
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      Future<?> set = alarm;
      if (set != null) {
        set.cancel(false);
      }
      return super.cancel(false); // the thread is not the action's own
    }

    /** Nobody asks: the timer has its own order. */
    @Override
    public long getDelay(TimeUnit unit) {
      return 0;
    }

    @Override
    public int compareTo(Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }
  }
}
