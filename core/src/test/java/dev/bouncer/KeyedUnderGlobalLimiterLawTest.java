package dev.bouncer;

import dev.bouncer.law.LimiterLaw;

/** The limiter of one key under a global limiter that is tighter. */
class KeyedUnderGlobalLimiterLawTest extends LimiterLaw {
  @Override
  protected Limiter create(int limit) {
    return KeyedLimiter.<String>builder(key -> AsyncSemaphore.of(limit + 1))
        .global(AsyncSemaphore.of(limit))
        .build()
        .forKey("law");
  }
}
