package dev.bouncer.cli.fetch;

import dev.bouncer.AdaptiveLimiter;
import dev.bouncer.AsyncSemaphore;
import dev.bouncer.KeyedLimiter;
import dev.bouncer.Limiter;
import dev.bouncer.Outcome;
import dev.bouncer.RateLimiter;
import dev.bouncer.http.AttemptEvent;
import dev.bouncer.http.LimitedHttpClient;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The limiters of one run, as its options ask for them. */
final class Limits implements AutoCloseable {
  private static final int MOST_PACES = 10_000;

  private final List<AutoCloseable> limiters = new ArrayList<>();
  private final boolean adaptive;
  private final Limiter whole;
  private final @Nullable KeyedLimiter<String> hosts;

  /** The servers that were called last; of the others nothing need be known. Guarded by itself. */
  private final Map<String, AdaptivePace> paces =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, AdaptivePace> eldest) {
          return size() > MOST_PACES;
        }
      };

  /**
   * Makes the limiters.
   *
   * @param jobs how many calls in flight
   * @param perHost how many of them to one host; null for as many as in all
   * @param rate how many calls in a time, or null
   * @param adaptive whether to find out what each server takes, within the other limits
   */
  Limits(int jobs, @Nullable Integer perHost, @Nullable Rate rate, boolean adaptive) {
    this.adaptive = adaptive;
    Limiter inFlight = opened(AsyncSemaphore.builder(jobs).name("jobs").build());
    this.whole = rate == null ? inFlight : opened(Limiter.allOf(inFlight, pace(rate)));
    int most = perHost == null ? jobs : perHost;
    if (adaptive) {
      this.hosts = hosts(host -> adaptive(host, most));
    } else {
      this.hosts = perHost == null ? null : hosts(_ -> AsyncSemaphore.of(most));
    }
  }

  private Limiter pace(Rate rate) {
    return opened(RateLimiter.builder(rate.count(), rate.period()).name("rate").build());
  }

  private KeyedLimiter<String> hosts(Function<String, Limiter> limiterOf) {
    return opened(KeyedLimiter.builder(limiterOf).global(whole).build());
  }

  private Limiter adaptive(String host, int most) {
    return Limiter.allOf(AdaptiveLimiter.builder().maxLimit(most).build(), paceOf(host).limiter());
  }

  private AdaptivePace paceOf(String host) {
    synchronized (paces) {
      return paces.computeIfAbsent(host, _ -> new AdaptivePace(System::nanoTime));
    }
  }

  /** Learns from an attempt that has ended. */
  private void learn(AttemptEvent event) {
    if (event.outcome() == Outcome.DROPPED) {
      paceOf(event.host()).refused();
    } else if (event.status().isPresent()) {
      paceOf(event.host()).answered();
    }
  }

  private <L extends AutoCloseable> L opened(L limiter) {
    limiters.add(limiter);
    return limiter;
  }

  /** Puts the limiters in front of a client. */
  LimitedHttpClient.Builder apply(LimitedHttpClient.Builder client) {
    if (adaptive) {
      client.onAttempt(this::learn);
    }
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
