package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Everything at once, from seeds: every way to ask and every way to give up, resizing and draining,
 * on both kinds of thread. At the end nobody waits and the limit can be acquired permit by permit.
 */
@Tag("deep")
class AsyncSemaphoreStressTest {
  private static final int THREADS = 8;
  private static final int STEPS = 20_000;

  @ParameterizedTest
  @CsvSource({
    "1, true, 1000000, REJECT",
    "3, true, 1000000, REJECT",
    "3, false, 1000000, REJECT",
    "2, true, 3, REJECT",
    "2, true, 3, DROP_OLDEST",
    "2, false, 3, DROP_OLDEST",
  })
  void everythingAtOnce_endsWithExactlyTheLimit(
      int limit, boolean fair, int maxWaiting, WhenFull whenFull) {
    Stress stress =
        new Stress(
            AsyncSemaphore.builder(limit).fair(fair).maxWaiting(maxWaiting).whenFull(whenFull),
            limit);
    List<Background<Boolean>> threads = new ArrayList<>();
    for (int t = 0; t < THREADS; t++) {
      SplittableRandom random = new SplittableRandom(20_261_122L * limit + t);
      threads.add(
          t % 2 == 0
              ? Background.virtual(() -> stress.steps(random))
              : Background.platform(() -> stress.steps(random)));
    }
    for (Background<Boolean> thread : threads) {
      assertTrue(thread.result(), () -> "a thread did not end: " + stress.semaphore);
    }
    stress.assertExactlyTheLimit();
  }

  private static final class Stress {
    final AsyncSemaphore semaphore;
    private final int limit;
    private final int most;
    private final AtomicInteger inside = new AtomicInteger();

    Stress(AsyncSemaphore.Builder builder, int limit) {
      this.semaphore = builder.name("stress").build();
      this.limit = limit;
      this.most = limit + 2;
    }

    boolean steps(SplittableRandom random) throws Exception {
      for (int i = 0; i < STEPS; i++) {
        try {
          step(random);
        } catch (LimiterFullException refused) {
          assertTrue(refused.getMessage().contains("stress"));
        } catch (InterruptedException interrupted) {
          assertTrue(!Thread.currentThread().isInterrupted(), "thrown and still pending");
        }
        var _ = Thread.interrupted();
      }
      return true;
    }

    private void step(SplittableRandom random) throws InterruptedException {
      int weight = 1 + random.nextInt(limit);
      Duration moment = Duration.ofNanos(random.nextInt(100_000));
      switch (random.nextInt(12)) {
        case 0, 1 -> use(semaphore.acquire(weight), random);
        case 2 -> semaphore.tryAcquire(weight).ifPresent(permit -> use(permit, random));
        case 3 -> semaphore.tryAcquire(weight, moment).ifPresent(permit -> use(permit, random));
        case 4 -> {
          Thread.currentThread().interrupt(); // found before or while waiting
          use(semaphore.acquire(weight), random);
        }
        case 5, 6 -> abandon(semaphore.acquireAsync(weight));
        case 7 -> abandon(semaphore.acquireAsync(weight, moment));
        case 8 -> semaphore.acquireAsync(weight).thenAccept(Permit::close);
        case 9 -> semaphore.acquireAsync(weight, moment).thenAccept(Permit::close);
        case 10 -> {
          semaphore.setLimit(limit + random.nextInt(3));
          semaphore.setLimit(limit);
        }
        default -> {
          if (random.nextInt(50) == 0) {
            semaphore.drain(moment);
          }
        }
      }
    }

    private static void abandon(CompletableFuture<Permit> future) {
      if (!future.cancel(true)) {
        future.thenAccept(Permit::close);
      }
    }

    private void use(Permit permit, SplittableRandom random) {
      int now = inside.addAndGet(permit.weight());
      assertTrue(now <= most, () -> now + " units inside of " + semaphore);
      if (random.nextInt(4) == 0) {
        LockSupport.parkNanos(1); // only to let others in
      }
      inside.addAndGet(-permit.weight());
      permit.close();
      if (random.nextInt(8) == 0) {
        permit.close();
      }
    }

    void assertExactlyTheLimit() {
      eventually("nobody waits", () -> semaphore.waiting() == 0);
      eventually("all was given back", () -> semaphore.inUse() == 0);
      List<Permit> all = new ArrayList<>();
      for (int i = 0; i < limit; i++) {
        all.add(semaphore.tryAcquire().orElseThrow(() -> new AssertionError("lost: " + semaphore)));
      }
      assertEquals(Optional.empty(), semaphore.tryAcquire());
      all.forEach(Permit::close);
      LimiterStats stats = semaphore.stats();
      assertEquals(limit, stats.available());
      assertTrue(stats.timedOut() > 0 && stats.cancelled() > 0, stats::toString);
    }
  }
}
