package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;

import dev.bouncer.Limiter;
import dev.bouncer.law.LimiterLaw;
import dev.bouncer.redis.server.RealRedis;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The law over a real Redis, with permits reused inside the JVM. */
class RedisSemaphoreLawTest extends LimiterLaw {
  private static final AtomicInteger NAMES = new AtomicInteger();

  private static RealRedis redis;
  static RedisConnection connection;

  @BeforeAll
  static void start() {
    redis = RealRedis.start().awaitUptime(2);
    connection = RedisSemaphore.connect(redis.uri());
  }

  @AfterAll
  static void stop() {
    connection.close();
    redis.close();
  }

  @Override
  protected Limiter create(int limit) {
    return builder(limit).build();
  }

  static RedisSemaphore.Builder builder(int limit) {
    return connection.builder("law-" + NAMES.incrementAndGet(), limit);
  }

  @Override
  protected void settle(Limiter limiter) {
    eventually("all has arrived", ((RedisSemaphore) limiter)::isQuiet);
  }
}
