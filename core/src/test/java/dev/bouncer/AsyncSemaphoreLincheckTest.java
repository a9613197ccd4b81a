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
 * Small races of two or three threads, each run in many interleavings that Lincheck chooses. Every
 * scenario ends when all its threads have returned (a lost wake-up is a hang, and Lincheck prints
 * how it came about) and when exactly the limit can be acquired, permit by permit.
 */
@Tag("deep")
class AsyncSemaphoreLincheckTest {
  private static final Duration LONG = Duration.ofHours(1);

  /** A semaphore in strict time. */
  private static final class Scene extends LincheckScene {
    final AsyncSemaphore semaphore;

    /** Held here, where Lincheck sees that threads share it. */
    private Permit taken;

    Scene(AsyncSemaphore.Builder builder, int mostInside) {
      super(mostInside);
      this.semaphore = builder.build(time);
    }

    Scene(int limit) {
      this(AsyncSemaphore.builder(limit), limit);
    }

    Permit take(int weight) {
      taken = semaphore.tryAcquire(weight).orElseThrow();
      return taken;
    }

    /** When all threads have returned exactly the limit is free. */
    void end(int limit) {
      join();
      requireFree(semaphore, limit);
    }
  }

  /** The first formatted message loads the locales, which Lincheck takes for an endless loop. */
  @BeforeAll
  static void loadLocales() {
    assertTrue(AsyncSemaphore.of(1).toString().contains("limit=1"));
  }

  @Test
  void blockingCallers_limitOne() {
    explore(() -> {
      Scene scene = new Scene(1);
      for (int i = 0; i < 3; i++) {
        scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      }
      scene.end(1);
    });
  }

  @Test
  void blockingCallers_limitTwo() {
    explore(() -> {
      Scene scene = new Scene(2);
      for (int i = 0; i < 3; i++) {
        scene.spawn(() -> {
          scene.use(scene.semaphore.acquire());
          scene.use(scene.semaphore.acquire());
        });
      }
      scene.end(2);
    });
  }

  @Test
  void asynchronousCallers_limitOne() {
    explore(() -> {
      Scene scene = new Scene(1);
      AtomicInteger served = new AtomicInteger();
      for (int i = 0; i < 3; i++) {
        scene.spawn(() ->
            scene
                .semaphore
                .acquireAsync()
                .thenAccept(permit -> {
                  served.incrementAndGet();
                  scene.use(permit);
                }));
      }
      scene.end(1);
      if (served.get() != 3) {
        throw new AssertionError("served " + served + " of 3");
      }
    });
  }

  @Test
  void blockingAndAsynchronousCallers_limitOne() {
    explore(() -> mixed(1));
  }

  @Test
  void blockingAndAsynchronousCallers_limitTwo() {
    explore(() -> mixed(2));
  }

  private static void mixed(int limit) {
    Scene scene = new Scene(limit);
    for (int i = 0; i < limit; i++) {
      Permit held = scene.take(1);
      if (i == 0) {
        scene.spawn(held::close);
      } else {
        held.close();
      }
    }
    scene.spawn(() -> scene.use(scene.semaphore.acquire()));
    scene.spawn(() -> scene.semaphore.acquireAsync().thenAccept(scene::use));
    scene.end(limit);
  }

  @Test
  void releaseAndJoin_blocking_doNotMissEachOther() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      scene.spawn(held::close); // nobody else will ever come by
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.end(1);
    });
  }

  @Test
  void releaseAndJoin_asynchronous_doNotMissEachOther() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      scene.spawn(held::close);
      CompletableFuture<Permit> future = scene.semaphore.acquireAsync();
      scene.join();
      require(future.isDone(), "waits beside a free unit");
      scene.use(future.join());
      scene.end(1);
    });
  }

  @Test
  void unfairCallers_limitOne() {
    explore(() -> {
      Scene scene = new Scene(AsyncSemaphore.builder(1).fair(false), 1);
      for (int i = 0; i < 3; i++) {
        scene.spawn(() -> {
          scene.use(scene.semaphore.acquire());
          scene.semaphore.tryAcquire().ifPresent(scene::use);
        });
      }
      scene.end(1);
    });
  }

  @Test
  void releaseAndCancel_oneArbiter() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      CompletableFuture<Permit> future = scene.semaphore.acquireAsync();
      scene.spawn(held::close);
      scene.spawn(() -> {
        if (!future.cancel(true)) {
          future.thenAccept(scene::use);
        }
      });
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.end(1);
    });
  }

  @Test
  void releaseAndCompletionByHand_thePermitIsNotLost() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      CompletableFuture<Permit> future = scene.semaphore.acquireAsync();
      RuntimeException byHand = new RuntimeException();
      future.whenComplete((permit, failure) -> {
        if (permit != null) {
          scene.use(permit);
        }
      });
      scene.spawn(held::close);
      scene.spawn(() -> future.completeExceptionally(byHand));
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.end(1);
    });
  }

  @Test
  void cancelOfTheHeavyHead_admitsTheLightOneBehind() {
    explore(() -> {
      Scene scene = new Scene(2);
      Permit held = scene.take(1);
      CompletableFuture<Permit> heavy = scene.semaphore.acquireAsync(2);
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.spawn(() -> require(heavy.cancel(true), "two units were never free"));
      scene.join(); // the light one needs nobody to give back
      held.close();
      scene.end(2);
    });
  }

  @Test
  void weights_oneReleaseServesTheLineInOrder() {
    explore(() -> {
      Scene scene = new Scene(2);
      Permit both = scene.take(2);
      scene.spawn(both::close);
      scene.spawn(() -> scene.use(scene.semaphore.acquire(2)));
      scene.spawn(() -> scene.use(scene.semaphore.acquire(1)));
      scene.end(2);
    });
  }

  @Test
  void releaseAndInterrupt_thePermitIsNotLost() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      Thread waiter =
          scene.spawn(() -> {
            try {
              scene.use(scene.semaphore.acquire());
            } catch (InterruptedException interrupted) {
              require(!Thread.currentThread().isInterrupted(), "thrown and still pending");
            }
          });
      scene.spawn(held::close);
      scene.spawn(() -> scene.time.interrupt(waiter));
      scene.end(1);
    });
  }

  @Test
  void releaseAndTimeout_blockingAndAsynchronous_thePermitIsNotLost() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      scene.semaphore.acquireAsync(1, LONG).thenAccept(scene::use);
      scene.spawn(() -> scene.semaphore.tryAcquire(LONG).ifPresent(scene::use));
      scene.spawn(held::close);
      scene.spawn(scene.time::passAllDeadlines);
      scene.join();
      scene.time.passAllDeadlines(); // for an alarm that was set after the time had passed
      scene.end(1);
    });
  }

  @Test
  void releaseAndSetLimit_raised_admitsWhoFits() {
    explore(() -> {
      Scene scene = new Scene(AsyncSemaphore.builder(1), 2);
      Permit held = scene.take(1);
      scene.spawn(() -> scene.semaphore.setLimit(2));
      scene.spawn(held::close);
      scene.spawn(() -> {
        scene.use(scene.semaphore.acquire());
        scene.use(scene.semaphore.acquire());
      });
      scene.end(2);
    });
  }

  @Test
  void setLimit_fromZero_wakesTheWaiter() {
    explore(() -> {
      Scene scene = new Scene(AsyncSemaphore.builder(0), 1);
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.spawn(() -> scene.semaphore.acquireAsync().thenAccept(scene::use));
      scene.spawn(() -> scene.semaphore.setLimit(1));
      scene.end(1);
    });
  }

  @Test
  void setLimit_loweredAndRaised_keepsTheHeavyAndLosesNothing() {
    explore(() -> {
      Scene scene = new Scene(2);
      Permit both = scene.take(2);
      CompletableFuture<Permit> heavy = scene.semaphore.acquireAsync(2);
      scene.spawn(() -> {
        scene.semaphore.setLimit(1);
        scene.semaphore.setLimit(2);
      });
      scene.spawn(both::close);
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.spawn(() -> heavy.thenAccept(scene::use));
      scene.end(2);
    });
  }

  @Test
  void releaseAndClose_everybodyReturns() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      CompletableFuture<Permit> future = scene.semaphore.acquireAsync();
      scene.spawn(() -> {
        try {
          scene.use(scene.semaphore.acquire());
        } catch (LimiterClosedException closed) {
          require(scene.semaphore.isClosed(), "refused by an open semaphore");
        }
      });
      scene.spawn(held::close);
      scene.spawn(scene.semaphore::close);
      scene.spawn(() -> future.thenAccept(scene::use));
      scene.join();
      require(future.isDone(), "a waiter was forgotten");
      require(scene.semaphore.available() == 1, "lost a permit");
      require(scene.semaphore.waiting() == 0, "somebody still waits");
    });
  }

  @Test
  void drain_waitsForTheHeldAndAdmitsAgain() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      scene.spawn(() -> require(scene.semaphore.drain(LONG), "time stands still"));
      scene.spawn(held::close);
      scene.spawn(() -> scene.use(scene.semaphore.acquire()));
      scene.end(1);
    });
  }

  @Test
  void drain_twoAtOnce_bothReturn() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit held = scene.take(1);
      scene.spawn(() -> require(scene.semaphore.drain(LONG), "time stands still"));
      scene.spawn(() -> require(scene.semaphore.drain(LONG), "time stands still"));
      scene.spawn(held::close);
      scene.end(1);
    });
  }

  @Test
  void closeOfOnePermitFromTwoThreads_lentByTheBooks_givesBackOnce() {
    explore(() -> {
      Scene scene = new Scene(1);
      Permit lent = scene.take(1);
      closeTwiceWhileAnotherAcquires(scene, lent);
      scene.end(1);
    });
  }

  @Test
  void closeOfOnePermitFromTwoThreads_withItsOwnMark_givesBackOnce() {
    explore(() -> {
      Scene scene = new Scene(2);
      Permit lent = scene.take(1);
      closeTwiceWhileAnotherAcquires(scene, scene.take(1));
      scene.join();
      lent.close();
      scene.end(2);
    });
  }

  private static void closeTwiceWhileAnotherAcquires(Scene scene, Permit permit) {
    scene.spawn(permit::close);
    scene.spawn(permit::close);
    scene.spawn(() -> {
      scene.semaphore.tryAcquire().ifPresent(scene::use);
      scene.semaphore.tryAcquire().ifPresent(scene::use);
    });
  }

  @Test
  void fullLine_dropsTheOldestOnce() {
    explore(() -> {
      Scene scene =
          new Scene(AsyncSemaphore.builder(1).maxWaiting(1).whenFull(WhenFull.DROP_OLDEST), 1);
      Permit held = scene.take(1);
      CompletableFuture<Permit> oldest = scene.semaphore.acquireAsync();
      oldest.thenAccept(scene::use);
      scene.spawn(() -> {
        try {
          scene.use(scene.semaphore.acquire());
        } catch (LimiterFullException dropped) {
          require(dropped.getMessage().contains("dropped"), dropped.getMessage());
        }
      });
      scene.spawn(held::close);
      scene.spawn(() -> scene.semaphore.acquireAsync().thenAccept(scene::use));
      scene.end(1);
      require(oldest.isDone(), "a waiter was forgotten");
    });
  }
}
