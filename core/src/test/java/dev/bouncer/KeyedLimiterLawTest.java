package dev.bouncer;

import dev.bouncer.law.LimiterLaw;

/** The limiter of one key obeys the laws. */
class KeyedLimiterLawTest extends LimiterLaw {
  @Override
  protected Limiter create(int limit) {
    return KeyedLimiter.<String>perKey(key -> AsyncSemaphore.builder(limit).name(key).build())
        .forKey("law");
  }
}
