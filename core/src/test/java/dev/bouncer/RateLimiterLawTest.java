package dev.bouncer;

import dev.bouncer.law.LimiterLaw;

/** On a clock that moves on by one interval for each unit whose permit is closed. */
class RateLimiterLawTest extends LimiterLaw {
  @Override
  protected Limiter create(int limit) {
    RefillOnClose timing = new RefillOnClose();
    return RateLimiter.builder(Bandwidth.of(1, RefillOnClose.INTERVAL).withBurst(limit))
        .name("law")
        .build(timing, timing::closed);
  }
}
