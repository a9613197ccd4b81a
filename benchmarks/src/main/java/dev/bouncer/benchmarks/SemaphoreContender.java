package dev.bouncer.benchmarks;

import com.netflix.concurrency.limits.Limiter.Listener;
import com.netflix.concurrency.limits.limit.FixedLimit;
import com.netflix.concurrency.limits.limiter.BlockingLimiter;
import com.netflix.concurrency.limits.limiter.SimpleLimiter;
import dev.bouncer.AsyncSemaphore;
import dev.bouncer.Permit;
import dev.failsafe.Bulkhead;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/** The semaphores under comparison, each through the calls that its users would write. */
enum SemaphoreContender {
  BOUNCER(OfBouncer::new),
  BOUNCER_UNFAIR(limit -> new OfBouncer(AsyncSemaphore.builder(limit).fair(false).build())),
  JUC_FAIR(limit -> new OfJuc(new Semaphore(limit, true))),
  JUC(limit -> new OfJuc(new Semaphore(limit))),
  KOTLINX(OfKotlinx::new),
  RESILIENCE4J(OfResilience4j::new),
  FAILSAFE(OfFailsafe::new),
  NETFLIX(OfNetflix::new);

  private final IntFunction<Contender> make;

  SemaphoreContender(IntFunction<Contender> make) {
    this.make = make;
  }

  Contender create(int limit) {
    return make.apply(limit);
  }

  /** What every one of them can do, for a blocking caller. */
  interface Contender {
    /** Takes a permit, waiting if need be; what it returns goes to {@link #release}. */
    Object acquire() throws InterruptedException;

    void release(Object permit);

    /** Takes a permit and gives it back at once, in the way its users would write it. */
    default void pair() throws InterruptedException {
      release(acquire());
    }

    /** Takes a permit or gives up after so many nanoseconds; null when it gave up. */
    default Object tryAcquire(long nanos) throws InterruptedException {
      throw new UnsupportedOperationException();
    }
  }

  private static final Object TAKEN = new Object();

  private record OfBouncer(AsyncSemaphore semaphore) implements Contender {
    OfBouncer(int limit) {
      this(AsyncSemaphore.of(limit));
    }

    @Override
    public Object acquire() throws InterruptedException {
      return semaphore.acquire();
    }

    @Override
    public void release(Object permit) {
      ((Permit) permit).close();
    }

    @Override
    @SuppressWarnings("EmptyTry")
    public void pair() throws InterruptedException {
      try (var _ = semaphore.acquire()) {
        // what stands here does not count
      }
    }

    @Override
    public Object tryAcquire(long nanos) throws InterruptedException {
      return semaphore.tryAcquire(Duration.ofNanos(nanos)).orElse(null);
    }
  }

  private record OfJuc(Semaphore semaphore) implements Contender {
    @Override
    public Object acquire() throws InterruptedException {
      semaphore.acquire();
      return TAKEN;
    }

    @Override
    public void release(Object permit) {
      semaphore.release();
    }

    @Override
    public Object tryAcquire(long nanos) throws InterruptedException {
      return semaphore.tryAcquire(nanos, TimeUnit.NANOSECONDS) ? TAKEN : null;
    }
  }

  /** Only its free path: waiting is for coroutines. */
  private record OfKotlinx(kotlinx.coroutines.sync.Semaphore semaphore) implements Contender {
    OfKotlinx(int limit) {
      this(kotlinx.coroutines.sync.SemaphoreKt.Semaphore(limit, 0));
    }

    @Override
    public Object acquire() {
      if (!semaphore.tryAcquire()) {
        throw new IllegalStateException("only the free path is measured");
      }
      return TAKEN;
    }

    @Override
    public void release(Object permit) {
      semaphore.release();
    }
  }

  private record OfResilience4j(io.github.resilience4j.bulkhead.Bulkhead bulkhead)
      implements Contender {
    OfResilience4j(int limit) {
      this(
          io.github.resilience4j.bulkhead.Bulkhead.of(
              "bench",
              BulkheadConfig.custom()
                  .maxConcurrentCalls(limit)
                  .maxWaitDuration(Duration.ofHours(1))
                  .build()));
    }

    @Override
    public Object acquire() {
      bulkhead.acquirePermission();
      return TAKEN;
    }

    @Override
    public void release(Object permit) {
      bulkhead.onComplete();
    }
  }

  private record OfFailsafe(Bulkhead<Object> bulkhead) implements Contender {
    OfFailsafe(int limit) {
      this(Bulkhead.of(limit));
    }

    @Override
    public Object acquire() throws InterruptedException {
      bulkhead.acquirePermit();
      return TAKEN;
    }

    @Override
    public void release(Object permit) {
      bulkhead.releasePermit();
    }

    @Override
    public Object tryAcquire(long nanos) throws InterruptedException {
      return bulkhead.tryAcquirePermit(Duration.ofNanos(nanos)) ? TAKEN : null;
    }
  }

  private record OfNetflix(BlockingLimiter<Void> limiter) implements Contender {
    OfNetflix(int limit) {
      this(
          BlockingLimiter.wrap(
              SimpleLimiter.newBuilder().limit(FixedLimit.of(limit)).<Void>build(),
              Duration.ofMinutes(50)));
    }

    @Override
    public Object acquire() {
      Optional<Listener> listener = limiter.acquire(null);
      return listener.orElseThrow();
    }

    @Override
    public void release(Object permit) {
      ((Listener) permit).onSuccess();
    }
  }
}
