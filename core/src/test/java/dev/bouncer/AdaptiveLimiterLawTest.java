package dev.bouncer;

import dev.bouncer.law.LimiterLaw;

/** With bounds that leave it no choice. */
class AdaptiveLimiterLawTest extends LimiterLaw {
  @Override
  protected Limiter create(int limit) {
    return AdaptiveLimiter.builder()
        .initialLimit(limit)
        .minLimit(limit)
        .maxLimit(limit)
        .name("law")
        .build();
  }
}
