package dev.bouncer.cli.fetch;

import dev.bouncer.AdaptiveLimiter;
import dev.bouncer.Limiter;
import dev.bouncer.RateLimiter;
import dev.bouncer.SimulatedTime;
import java.time.Duration;

/**
 * What {@code bouncer fetch --adaptive} puts in front of a server, in virtual time. In the package
 * of the command because that is not public.
 */
public final class SimulatedHost {
  private SimulatedHost() {}

  /**
   * Creates the limiter of one server.
   *
   * @param time in which it lives
   * @param most how many calls in flight at most
   * @return the limiter
   */
  public static Limiter create(SimulatedTime time, int most) {
    AdaptiveLimiter places = time.create(AdaptiveLimiter.builder().maxLimit(most));
    RateLimiter rate = time.create(RateLimiter.builder(1, Duration.ofSeconds(1)));
    AdaptiveHost host = new AdaptiveHost(places, rate, time::now);
    return new ObservedLimiter(time.allOf(places, rate), host::sent);
  }
}
