package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * 100,000 rounds of each race of two, a release against each way of giving up, on both kinds of
 * thread. Whoever wins, every round ends with exactly the limit: one permit can be acquired, and no
 * second one.
 *
 * <p>A round is a semaphore of its own. Two long-lived threads walk along a row of them, one
 * releases and one gives up; whoever is ahead waits a moment for the other, so that they meet, but
 * never for long, so that a busy machine makes the test weaker and not slower.
 */
@Tag("deep")
class AsyncSemaphoreRaceTest {
  private static final int ROUNDS = 100_000;
  private static final int ROW = 2_000;
  private static final Duration LONG = Duration.ofHours(1);

  enum Kind {
    PLATFORM,
    VIRTUAL;

    <R> Background<R> start(Callable<R> action) {
      return this == PLATFORM ? Background.platform(action) : Background.virtual(action);
    }
  }

  /** One round: prepared and judged by the thread of the test, run by two or three others. */
  private abstract static class Round {
    final AsyncSemaphore semaphore;
    final Permit held;

    Round(Timing timing) {
      semaphore = AsyncSemaphore.builder(1).name("race").build(timing);
      held = semaphore.tryAcquire().orElseThrow();
    }

    Round() {
      this(Timing.SYSTEM);
    }

    void release() throws Exception {
      held.close();
    }

    /** What the release races with. */
    abstract void oppose() throws Exception;

    /** What a third thread does in line. */
    void await() throws Exception {}

    /** When all have done their part: what was granted goes back. */
    void settle() throws Exception {}

    final void judge() throws Exception {
      settle();
      assertEquals(0, semaphore.waiting(), semaphore::toString);
      assertEquals(1, semaphore.available(), semaphore::toString);
      if (!semaphore.isClosed()) {
        assertTrue(semaphore.tryAcquire().isPresent(), semaphore::toString);
        assertTrue(semaphore.tryAcquire().isEmpty(), semaphore::toString);
      }
    }
  }

  /** A round with an asynchronous request in line. */
  private abstract static class AsyncRound extends Round {
    final CompletableFuture<Permit> future = semaphore.acquireAsync();

    final void settleFuture(boolean gaveUp) {
      assertTrue(future.isDone());
      assertEquals(gaveUp, future.isCompletedExceptionally());
      if (!gaveUp) {
        future.join().close();
      }
    }
  }

  /** A round with a blocked thread in line, or about to be. */
  private abstract static class BlockingRound extends Round {
    private Permit granted;

    @Override
    void await() throws Exception {
      try {
        granted = semaphore.acquire();
      } catch (InterruptedException interrupted) {
        assertFalse(
            Thread.currentThread().isInterrupted() && semaphore.waiting() != 0, "still in line");
      } catch (LimiterClosedException closed) {
        assertTrue(semaphore.isClosed());
      }
    }

    @Override
    void settle() throws Exception {
      if (granted != null) {
        granted.close();
      }
    }
  }

  private interface Part {
    void play(Round round) throws Exception;
  }

  /** The threads of a race and the row they walk along. */
  private static final class Race {
    private final List<Background<Boolean>> threads = new ArrayList<>();
    private final Phaser barrier;
    private volatile List<Round> row = List.of();
    private volatile AtomicIntegerArray steps = new AtomicIntegerArray(0);

    Race(Kind kind, List<Part> parts) {
      barrier = new Phaser(parts.size() + 1);
      for (int i = 0; i < parts.size(); i++) {
        int me = i;
        threads.add(kind.start(() -> walk(me, parts.get(me))));
      }
    }

    private boolean walk(int me, Part part) throws Exception {
      try {
        while (barrier.arriveAndAwaitAdvance() >= 0) { // terminated: another thread has failed
          List<Round> rounds = row;
          if (rounds.isEmpty()) {
            break;
          }
          for (int i = 0; i < ROW; i++) {
            meet(me, i);
            part.play(rounds.get(i));
          }
          barrier.arriveAndAwaitAdvance();
          var _ = Thread.interrupted(); // one that came too late for its round
        }
        return true;
      } catch (Throwable failed) {
        barrier.forceTermination();
        throw failed;
      }
    }

    /** Waits a moment for those behind. */
    private void meet(int me, int step) {
      AtomicIntegerArray all = steps;
      all.set(me, step);
      for (int other = 0; other < all.length(); other++) {
        for (int spins = 0; spins < 300 && all.get(other) < step; spins++) {
          Thread.onSpinWait();
        }
      }
      for (int spins = step % 17; spins > 0; spins--) { // who comes first varies
        Thread.onSpinWait();
      }
    }

    void run(Supplier<Round> rounds) throws Exception {
      for (int done = 0; done < ROUNDS && !barrier.isTerminated(); done += ROW) {
        List<Round> next = new ArrayList<>();
        for (int i = 0; i < ROW; i++) {
          next.add(rounds.get());
        }
        row = next;
        steps = new AtomicIntegerArray(threads.size());
        barrier.arriveAndAwaitAdvance();
        awaitTheRow();
        for (Round round : next) {
          round.judge();
        }
      }
      row = List.of();
      barrier.arriveAndAwaitAdvance();
      threads.forEach(Background::result);
    }

    private void awaitTheRow() throws InterruptedException {
      int phase = barrier.arrive();
      try {
        barrier.awaitAdvanceInterruptibly(phase, 60, TimeUnit.SECONDS);
      } catch (TimeoutException hangs) {
        throw new AssertionError("a thread hangs in round " + steps + " of the row", hangs);
      }
      if (barrier.isTerminated()) {
        threads.forEach(Background::result);
      }
    }
  }

  private static void race(Kind kind, Supplier<Round> rounds) throws Exception {
    new Race(kind, List.of(Round::release, Round::oppose)).run(rounds);
  }

  private static void raceWithAThirdInLine(Kind kind, Supplier<Round> rounds) throws Exception {
    new Race(kind, List.of(Round::release, Round::oppose, Round::await)).run(rounds);
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstCancel_losesNoPermit(Kind kind) throws Exception {
    race(
        kind,
        () ->
            new AsyncRound() {
              private boolean cancelled;

              @Override
              void oppose() {
                cancelled = future.cancel(true);
              }

              @Override
              void settle() {
                settleFuture(cancelled);
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstCompletionByHand_losesNoPermit(Kind kind) throws Exception {
    race(
        kind,
        () ->
            new AsyncRound() {
              private boolean failed;

              @Override
              void oppose() {
                failed = future.completeExceptionally(new IllegalStateException("by hand"));
              }

              @Override
              void settle() {
                settleFuture(failed);
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstInterrupt_losesNoPermit(Kind kind) throws Exception {
    Thread[] waiter = new Thread[1];
    raceWithAThirdInLine(
        kind,
        () ->
            new BlockingRound() {
              @Override
              void await() throws Exception {
                waiter[0] = Thread.currentThread();
                super.await();
              }

              @Override
              void oppose() {
                Thread thread = waiter[0];
                if (thread != null && semaphore.waiting() == 1) {
                  thread.interrupt();
                }
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstTimeoutOfABlockedThread_losesNoPermit(Kind kind) throws Exception {
    race(
        kind,
        () ->
            new Round() {
              private Permit granted;

              @Override
              void oppose() throws Exception {
                granted = semaphore.tryAcquire(Duration.ofNanos(300)).orElse(null);
              }

              @Override
              void settle() {
                if (granted != null) {
                  granted.close();
                }
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstTimeoutOfAFuture_losesNoPermit(Kind kind) throws Exception {
    race(
        kind,
        () -> {
          ManualTiming time = new ManualTiming();
          return new Round(time) {
            private final CompletableFuture<Permit> future = semaphore.acquireAsync(1, LONG);

            @Override
            void oppose() {
              time.advance(LONG.plusSeconds(1));
            }

            @Override
            void settle() {
              if (future.isCompletedExceptionally()) {
                assertInstanceOf(TimeoutException.class, future.exceptionNow());
              } else {
                assertTrue(future.isDone());
                future.join().close();
              }
            }
          };
        });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstClose_asynchronous_losesNoPermit(Kind kind) throws Exception {
    race(
        kind,
        () ->
            new AsyncRound() {
              @Override
              void oppose() {
                semaphore.close();
              }

              @Override
              void settle() {
                settleFuture(future.isCompletedExceptionally());
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstClose_blocking_losesNoPermit(Kind kind) throws Exception {
    raceWithAThirdInLine(
        kind,
        () ->
            new BlockingRound() {
              @Override
              void oppose() {
                semaphore.close();
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstSetLimit_asynchronous_losesNoPermit(Kind kind) throws Exception {
    race(
        kind,
        () ->
            new AsyncRound() {
              @Override
              void oppose() {
                semaphore.setLimit(2);
                semaphore.setLimit(0);
                semaphore.setLimit(1);
              }

              @Override
              void settle() {
                settleFuture(false);
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstSetLimit_blocking_losesNoPermit(Kind kind) throws Exception {
    raceWithAThirdInLine(
        kind,
        () ->
            new BlockingRound() {
              @Override
              void oppose() {
                semaphore.setLimit(2);
                semaphore.setLimit(0);
                semaphore.setLimit(1);
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstReleaseOfTheSamePermit_lent_givesBackOnce(Kind kind) throws Exception {
    race(
        kind,
        () ->
            new Round() {
              @Override
              void oppose() {
                held.close();
              }
            });
  }

  @ParameterizedTest
  @EnumSource
  void releaseAgainstReleaseOfTheSamePermit_withItsOwnMark_givesBackOnce(Kind kind)
      throws Exception {
    race(
        kind,
        () ->
            new AsyncRound() { // what the line hands over is never the lent one
              private final Permit own = handOver();

              private Permit handOver() {
                held.close();
                return future.join();
              }

              @Override
              void release() {
                own.close();
              }

              @Override
              void oppose() {
                own.close();
              }
            });
  }
}
