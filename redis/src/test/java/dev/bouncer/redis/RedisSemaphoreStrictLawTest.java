package dev.bouncer.redis;

import dev.bouncer.Limiter;

/** The law over a real Redis, with every permit going through it. */
class RedisSemaphoreStrictLawTest extends RedisSemaphoreLawTest {
  @Override
  protected Limiter create(int limit) {
    return builder(limit).strictFifo(true).build();
  }
}
