package dev.bouncer;

import static dev.bouncer.LincheckScene.explore;
import static dev.bouncer.LincheckScene.require;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * {@link Limiter#allOf} over two semaphores, in many interleavings of two or three threads. Every
 * request is answered exactly once, no unit of a part is lost or doubled, and nobody is left
 * waiting while all parts are free.
 */
@Tag("deep")
class CompositeLimiterLincheckTest {
  private static final Duration LONG = Duration.ofHours(1);

  /** Each is long: two locks and a claim. */
  private static final int INTERLEAVINGS = 10;

  /** Two semaphores that others use too, and what combines them, in both orders. */
  private static final class Scene extends LincheckScene {
    final AsyncSemaphore a;
    final AsyncSemaphore b;
    final CompositeLimiter all;
    final CompositeLimiter reversed;
    final AtomicInteger served = new AtomicInteger();

    /** Held here, where Lincheck sees that threads share it. */
    private Permit taken;

    private CompletableFuture<Permit> asked;

    private final int limit;

    Scene(int limit) {
      super(limit);
      this.limit = limit;
      a = AsyncSemaphore.builder(limit).name("a").build(time);
      b = AsyncSemaphore.builder(limit).name("b").build(time);
      all = CompositeLimiter.of(time, a, b);
      reversed = CompositeLimiter.of(time, b, a);
    }

    Permit take(Limiter limiter) {
      taken = limiter.tryAcquire().orElseThrow();
      return taken;
    }

    CompletableFuture<Permit> ask(int weight) {
      asked = all.acquireAsync(weight);
      return asked;
    }

    void serve(Permit permit) {
      served.incrementAndGet();
      use(permit);
    }

    /** When all threads have returned, all parts are free, and together too. */
    void end() {
      join();
      require(all.waitingNow() == 0, "waits beside free parts");
      require(reversed.waitingNow() == 0, "waits beside free parts");
      for (Limiter part : new Limiter[] {a, b}) {
        require(part.stats().inUse() == 0, "lost a unit");
        require(part.stats().waiting() == 0, "left in the line of a part");
      }
      requireFree(all, limit);
    }
  }

  /** The first formatted message loads the locales, which Lincheck takes for an endless loop. */
  @BeforeAll
  static void loadLocales() {
    assertTrue(Limiter.allOf(AsyncSemaphore.of(1)).toString().contains("limit=1"));
  }

  @Test
  void blockingCallers_ofBothOrders_areAllServed() {
    explore(
        INTERLEAVINGS,
        () -> {
          Scene scene = new Scene(1);
          scene.spawn(() -> scene.serve(scene.all.acquire()));
          scene.spawn(() -> scene.serve(scene.reversed.acquire()));
          scene.end();
        });
  }

  @Test
  void releaseAndCancel_oneArbiter_andTheNextInheritsTheClaim() {
    explore(
        INTERLEAVINGS,
        () -> {
          Scene scene = new Scene(1);
          Permit held = scene.take(scene.a);
          CompletableFuture<Permit> future = scene.ask(1);
          scene.spawn(held::close);
          scene.spawn(() -> {
            if (!future.cancel(true)) {
              future.thenAccept(scene::use);
            }
          });
          scene.spawn(() -> scene.serve(scene.all.acquire()));
          scene.end();
        });
  }

  @Test
  void releaseAndTimeout_nothingIsLost() {
    explore(
        INTERLEAVINGS,
        () -> {
          Scene scene = new Scene(1);
          Permit held = scene.take(scene.b);
          scene.all.acquireAsync(1, LONG).thenAccept(scene::use);
          scene.spawn(() -> scene.all.tryAcquire(LONG).ifPresent(scene::use));
          scene.spawn(held::close);
          scene.spawn(scene.time::passAllDeadlines);
          scene.join();
          scene.time.passAllDeadlines(); // for an alarm that was set after the time had passed
          scene.end();
        });
  }
}
