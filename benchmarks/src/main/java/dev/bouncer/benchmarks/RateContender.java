package dev.bouncer.benchmarks;

import dev.bouncer.Bandwidth;
import io.github.bucket4j.Bucket;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;
import java.util.function.IntFunction;

/** The rate limiters under comparison, each through the calls that its users would write. */
enum RateContender {
  BOUNCER(OfBouncer::new),
  GUAVA(OfGuava::new),
  BUCKET4J(OfBucket4j::new),
  RESILIENCE4J(OfResilience4j::new);

  private final IntFunction<Contender> make;

  RateContender(IntFunction<Contender> make) {
    this.make = make;
  }

  Contender create(int permitsASecond) {
    return make.apply(permitsASecond);
  }

  /** What every one of them can do. */
  interface Contender {
    boolean tryAcquire();

    void acquire() throws InterruptedException;
  }

  private static final Duration SECOND = Duration.ofSeconds(1);

  /** A hundredth of a second's worth may come at once, as far as that can be set. */
  private static int burst(int permitsASecond) {
    return Math.max(1, permitsASecond / 100);
  }

  private record OfBouncer(dev.bouncer.RateLimiter limiter) implements Contender {
    OfBouncer(int permits) {
      this(
          dev.bouncer.RateLimiter.of(
              Bandwidth.of(permits, SECOND).withBurst(RateContender.burst(permits))));
    }

    @Override
    public boolean tryAcquire() {
      return limiter.tryAcquire().isPresent();
    }

    @Override
    public void acquire() throws InterruptedException {
      limiter.acquire().close();
    }
  }

  @SuppressWarnings("UnstableApiUsage")
  private record OfGuava(com.google.common.util.concurrent.RateLimiter limiter)
      implements Contender {
    OfGuava(int permits) {
      this(com.google.common.util.concurrent.RateLimiter.create(permits));
    }

    @Override
    public boolean tryAcquire() {
      return limiter.tryAcquire();
    }

    @Override
    public void acquire() {
      var _ = limiter.acquire();
    }
  }

  private record OfBucket4j(Bucket bucket) implements Contender {
    OfBucket4j(int permits) {
      this(
          Bucket.builder()
              .addLimit(limit ->
                  limit.capacity(RateContender.burst(permits)).refillGreedy(permits, SECOND))
              .withNanosecondPrecision()
              .build());
    }

    @Override
    public boolean tryAcquire() {
      return bucket.tryConsume(1);
    }

    @Override
    public void acquire() throws InterruptedException {
      bucket.asBlocking().consume(1);
    }
  }

  private record OfResilience4j(io.github.resilience4j.ratelimiter.RateLimiter limiter)
      implements Contender {
    OfResilience4j(int permits) {
      this(
          io.github.resilience4j.ratelimiter.RateLimiter.of(
              "bench",
              RateLimiterConfig.custom()
                  .limitForPeriod(RateContender.burst(permits))
                  .limitRefreshPeriod(Duration.ofMillis(10))
                  .timeoutDuration(Duration.ofHours(1))
                  .build()));
    }

    @Override
    public boolean tryAcquire() {
      return limiter.acquirePermission();
    }

    @Override
    public void acquire() {
      if (!limiter.acquirePermission()) {
        throw new IllegalStateException("an hour was not enough");
      }
    }
  }
}
