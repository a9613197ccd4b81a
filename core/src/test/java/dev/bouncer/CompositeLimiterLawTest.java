package dev.bouncer;

import dev.bouncer.law.LimiterLaw;

/** Two places and a rate: the second place is the tightest. */
class CompositeLimiterLawTest extends LimiterLaw {
  @Override
  protected Limiter create(int limit) {
    RefillOnClose timing = new RefillOnClose();
    RateLimiter rate =
        RateLimiter.builder(Bandwidth.of(1, RefillOnClose.INTERVAL).withBurst(limit))
            .name("rate")
            .build(timing, timing::closed);
    return CompositeLimiter.of(
        timing,
        rate,
        AsyncSemaphore.of(limit + 2),
        AsyncSemaphore.builder(limit).name("law").build());
  }
}
