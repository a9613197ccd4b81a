package dev.bouncer.cli.fetch;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.KeyedLimiter;
import dev.bouncer.Limiter;
import dev.bouncer.RateLimiter;
import dev.bouncer.http.LimitedHttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The limiters of one run, as its options ask for them. */
final class Limits implements AutoCloseable {
  /** Of servers that were not called for so long nothing need be known; longer than any pause. */
  private static final Duration REMEMBERED = Duration.ofMinutes(5);

  /** So many servers are remembered at least, beside those that are being called. */
  private static final int SERVERS = 10_000;

  private final List<AutoCloseable> limiters = new ArrayList<>();
  private final Limiter whole;
  private final @Nullable KeyedLimiter<String> hosts;

  /**
   * Makes the limiters.
   *
   * @param jobs how many calls in flight
   * @param urls how many URLs may have begun and not ended
   * @param perHost how many calls in flight to one host; null for as many as in all
   * @param rate how many calls in a time, or null
   * @param adaptive whether to find out what each server takes, within the other limits
   * @param shared a limit that other machines share, which is not closed here, or null
   */
  Limits(
      int jobs,
      int urls,
      @Nullable Integer perHost,
      @Nullable Rate rate,
      boolean adaptive,
      @Nullable Limiter shared) {
    Limiter inFlight = opened(AsyncSemaphore.builder(jobs).name("jobs").build());
    List<Limiter> others = new ArrayList<>();
    if (shared != null) {
      others.add(shared);
    }
    if (rate != null) {
      others.addAll(limiters(rate));
    }
    this.whole =
        others.isEmpty()
            ? inFlight
            : opened(Limiter.allOf(inFlight, others.toArray(Limiter[]::new)));
    int most = perHost == null ? jobs : perHost;
    if (adaptive) {
      this.hosts = hosts(_ -> AdaptiveHost.limiter(most), urls);
    } else {
      this.hosts = perHost == null ? null : hosts(_ -> AsyncSemaphore.of(most), urls);
    }
  }

  /** Evenly spread; and never more than was asked for, also if some were late. */
  private List<Limiter> limiters(Rate rate) {
    return List.of(
        opened(SlidingWindow.limiter(rate.count(), rate.window())),
        opened(RateLimiter.builder(rate.count(), rate.pace()).name("rate").build()));
  }

  private KeyedLimiter<String> hosts(Function<String, Limiter> limiterOf, int urls) {
    return opened(
        KeyedLimiter.builder(limiterOf)
            .global(whole)
            .idleAfter(REMEMBERED)
            .maxKeys(Math.clamp((long) SERVERS + urls, 1, Integer.MAX_VALUE))
            .build());
  }

  private <L extends AutoCloseable> L opened(L limiter) {
    limiters.add(limiter);
    return limiter;
  }

  /** Puts the limiters in front of a client. */
  LimitedHttpClient.Builder apply(LimitedHttpClient.Builder client) {
    return hosts == null ? client.limiter(whole) : client.perHost(hosts::forKey);
  }

  @Override
  public void close() {
    for (AutoCloseable limiter : limiters.reversed()) {
      try {
        limiter.close();
      } catch (Exception impossible) {
        throw new AssertionError(impossible); // limiters close without failing
      }
    }
  }
}
