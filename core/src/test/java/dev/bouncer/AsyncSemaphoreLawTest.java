package dev.bouncer;

import dev.bouncer.law.LimiterLaw;

class AsyncSemaphoreLawTest extends LimiterLaw {
  @Override
  protected Limiter create(int limit) {
    return AsyncSemaphore.builder(limit).name("law").build();
  }
}
