package dev.bouncer.cli.fetch;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.KeyedLimiter;
import dev.bouncer.Limiter;
import dev.bouncer.RateLimiter;
import dev.bouncer.http.LimitedHttpClient;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The limiters of one run, as its options ask for them. */
final class Limits implements AutoCloseable {
  private final List<AutoCloseable> limiters = new ArrayList<>();
  private final Limiter whole;
  private final @Nullable KeyedLimiter<String> hosts;

  /**
   * Makes the limiters.
   *
   * @param jobs how many calls in flight
   * @param perHost how many of them to one host; null for as many as in all
   * @param rate how many calls in a time, or null
   */
  Limits(int jobs, @Nullable Integer perHost, @Nullable Rate rate) {
    Limiter inFlight = opened(AsyncSemaphore.builder(jobs).name("jobs").build());
    this.whole = rate == null ? inFlight : opened(Limiter.allOf(inFlight, pace(rate)));
    this.hosts = perHost == null ? null : hosts(perHost);
  }

  private Limiter pace(Rate rate) {
    return opened(RateLimiter.builder(rate.count(), rate.period()).name("rate").build());
  }

  private KeyedLimiter<String> hosts(int perHost) {
    return opened(
        KeyedLimiter.builder((String host) -> AsyncSemaphore.of(perHost)).global(whole).build());
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
