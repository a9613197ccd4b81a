package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Plays random schedules of a {@link ThreadPool}: starts, ends, failures, cancels, resizes, closes.
 * Each thread of the pool moves only when the schedule says so, one at a time, so a seed is a
 * schedule and a failure can be played again.
 */
class ThreadPoolSimulationTest {
  @Test
  void randomSchedules_neverMoreThanTheLimitRunAndNothingIsLostOrRunTwice() {
    play(0, 2_000);
  }

  @Test
  @Tag("deep")
  void manyRandomSchedules_neverMoreThanTheLimitRunAndNothingIsLostOrRunTwice() {
    play(0, 10_000);
  }

  private static void play(int firstSeed, int schedules) {
    for (int seed = firstSeed; seed < firstSeed + schedules; seed++) {
      try {
        new Schedule(seed).play();
      } catch (Throwable thrown) {
        throw new AssertionError("schedule failed: seed=" + seed, thrown);
      }
    }
  }

  private static final class Schedule {
    private final Random random;
    private final Semaphore back = new Semaphore(0);
    private final List<Fiber> notStarted = new ArrayList<>();
    private final Set<Body> running = new HashSet<>();
    private final List<Body> accepted = new ArrayList<>();
    private final @Nullable AsyncSemaphore limiter;
    private final ThreadPool pool;
    private int refused;
    private int limit;

    Schedule(int seed) {
      random = new Random(seed);
      limit = 1 + random.nextInt(3);
      limiter = random.nextInt(3) == 0 ? AsyncSemaphore.of(1 + random.nextInt(3)) : null;
      var builder = ThreadPool.builder().name("sim").maxWorkers(limit).workers(this::startThread);
      if (random.nextBoolean()) {
        builder.maxQueued(random.nextInt(4));
        builder.whenFull(random.nextBoolean() ? WhenFull.REJECT : WhenFull.DROP_OLDEST);
      }
      if (limiter != null) {
        builder.limiter(limiter);
      }
      pool = builder.build();
    }

    private void startThread(Runnable work) {
      if (random.nextInt(20) == 0) {
        throw new OutOfMemoryError("no thread today");
      }
      notStarted.add(new Fiber(work));
    }

    void play() {
      for (int step = 0; step < 40; step++) {
        int before = running.size();
        move();
        check(before);
      }
      pool.shutdown();
      for (int step = 0; !notStarted.isEmpty() || !running.isEmpty(); step++) {
        assertTrue(step < 10_000, "the schedule does not end");
        int before = running.size();
        if (!notStarted.isEmpty() && (running.isEmpty() || random.nextBoolean())) {
          startOne();
        } else {
          endOne();
        }
        check(before);
      }
      assertTrue(pool.isTerminated(), pool::toString);
      for (Body body : accepted) {
        assertTrue(body.future().isDone(), body::toString);
        assertTrue(body.runs <= 1, body::toString);
        if (body.runs == 0) {
          assertTrue(body.future().isCompletedExceptionally() || body.abandoned, body::toString);
        }
      }
      PoolStats stats = pool.stats();
      assertEquals(accepted.size(), stats.submitted());
      assertEquals(0, stats.running() + stats.queued());
      assertEquals(
          stats.submitted() + refused,
          stats.completed() + stats.failed() + stats.cancelled() + stats.rejected());
      if (limiter != null) {
        assertEquals(0, limiter.inUse());
        assertEquals(0, limiter.waiting());
      }
    }

    private void check(int runningBefore) {
      assertTrue(
          running.size() <= Math.max(limit, runningBefore), () -> running + " above " + limit);
      assertTrue(running.size() <= pool.stats().running(), pool::toString);
      if (running.size() > runningBefore) {
        assertTrue(running.size() <= limit, () -> running + " above " + limit);
        assertTrue(limiter == null || limiter.inUse() >= running.size());
      }
    }

    private void move() {
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3 -> submit();
        case 4, 5, 6 -> startOne();
        case 7, 8 -> endOne();
        case 9 -> giveUpOne();
        case 10 -> resize();
        default -> {
          if (random.nextInt(30) == 0) {
            close();
          } else {
            stopOne();
          }
        }
      }
    }

    private void submit() {
      Body body = new Body(accepted.size(), random.nextInt(4) == 0);
      try {
        body.future = pool.submit(body::run);
        accepted.add(body);
      } catch (RejectedExecutionException expected) {
        refused++;
      }
    }

    private void startOne() {
      if (!notStarted.isEmpty()) {
        notStarted.remove(random.nextInt(notStarted.size())).resume();
      }
    }

    private void endOne() {
      if (!running.isEmpty()) {
        var candidates = accepted.stream().filter(running::contains).toList();
        Body body = candidates.get(random.nextInt(candidates.size()));
        Fiber fiber = body.fiber;
        if (fiber != null) {
          fiber.resume();
        }
      }
    }

    private void giveUpOne() {
      if (!accepted.isEmpty()) {
        Body body = accepted.get(random.nextInt(accepted.size()));
        boolean won =
            switch (random.nextInt(4)) {
              case 0 -> body.future().cancel(false);
              case 1 -> body.future().cancel(true);
              case 2 -> body.future().complete("by hand");
              default -> body.future().completeExceptionally(new IllegalStateException());
            };
        body.abandoned |= won;
      }
    }

    private void stopOne() {
      if (!accepted.isEmpty()) {
        ((TaskFuture<?>) accepted.get(random.nextInt(accepted.size())).future()).stop();
      }
    }

    private void resize() {
      if (limiter != null && random.nextBoolean()) {
        limiter.setLimit(1 + random.nextInt(3));
      } else {
        limit = 1 + random.nextInt(4);
        pool.setMaxWorkers(limit);
      }
    }

    private void close() {
      if (random.nextBoolean()) {
        pool.shutdown();
      } else {
        int queued = pool.stats().queued();
        assertEquals(queued, pool.shutdownNow().size());
      }
    }

    /** A task that runs until the schedule ends it. */
    private final class Body {
      private final int number;
      private final boolean fails;
      private @Nullable CompletableFuture<String> future;
      private @Nullable Fiber fiber;
      private int runs;
      private boolean abandoned;

      Body(int number, boolean fails) {
        this.number = number;
        this.fails = fails;
      }

      CompletableFuture<String> future() {
        return java.util.Objects.requireNonNull(future);
      }

      String run() throws InterruptedException {
        runs++;
        fiber = Fiber.current();
        assertFalse(
            Thread.currentThread().isInterrupted() && !pool.isShutdown(), "stray interrupt");
        running.add(this);
        fiber.pause();
        running.remove(this);
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
        if (fails) {
          throw new IllegalStateException("task " + number);
        }
        return "result " + number;
      }

      @Override
      public String toString() {
        return "task " + number + " runs=" + runs + " " + future;
      }
    }

    /** A thread that runs only between {@link #resume} and its next {@link #pause}. */
    private final class Fiber {
      private static final ThreadLocal<Object> CURRENT = new ThreadLocal<>();

      private final Semaphore turn = new Semaphore(0);

      Fiber(Runnable work) {
        Thread.startVirtualThread(() -> {
          turn.acquireUninterruptibly();
          CURRENT.set(this);
          work.run();
          back.release();
        });
      }

      static Fiber current() {
        return (Fiber) CURRENT.get();
      }

      void resume() {
        turn.release();
        back.acquireUninterruptibly();
      }

      void pause() {
        back.release();
        turn.acquireUninterruptibly();
      }
    }
  }
}
