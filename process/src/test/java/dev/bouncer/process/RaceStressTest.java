package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bouncer.PoolStats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Users who change their minds while results are on the way. */
@NullUnmarked
class RaceStressTest {
  private static final int TASKS = 10_000;
  private static final long GIVE_UP_SECONDS = 120;

  private static int increment(int n) {
    return n + 1;
  }

  private static ProcessPool pool(int workers) {
    return ProcessPool.builder().maxWorkers(workers).output(WorkerOutput.DISCARD).build();
  }

  /** Every future has one end, and the numbers agree with them. */
  private static void assertSettled(ProcessPool pool, List<CompletableFuture<Integer>> futures)
      throws Exception {
    int cancelled = 0;
    for (int i = 0; i < futures.size(); i++) {
      try {
        assertEquals(i + 1, futures.get(i).get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
      } catch (CancellationException meant) {
        cancelled++;
      }
    }
    int expected = cancelled;
    Await.until(
        "nothing runs, and the numbers agree",
        () -> {
          PoolStats stats = pool.stats();
          return stats.running() == 0
              && stats.queued() == 0
              && stats.failed() == 0
              && stats.cancelled() == expected
              && stats.completed() == futures.size() - expected;
        });
  }

  @Test
  void tenThousandCancels_racingWithResults_loseNothing() throws Exception {
    try (var pool = pool(2)) {
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      Random random = new Random(5);
      AtomicReference<Throwable> failure = new AtomicReference<>();
      for (int batch = 0; batch < TASKS / 100; batch++) {
        List<CompletableFuture<Integer>> latest = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
          latest.add(pool.submit((Integer n) -> increment(n), futures.size() + i));
        }
        futures.addAll(latest);
        Thread canceller =
            new Thread(() -> latest.forEach(future -> future.cancel(future.hashCode() % 2 == 0)));
        canceller.setUncaughtExceptionHandler((_, thrown) -> failure.set(thrown));
        int wait = random.nextInt(100); // cancels race with one answer or another
        try {
          var _ = latest.get(wait).get(GIVE_UP_SECONDS, TimeUnit.SECONDS);
        } finally {
          canceller.start();
        }
        canceller.join();
      }
      assertEquals(null, failure.get());
      assertSettled(pool, futures);
      assertEquals(8, pool.submit((Integer n) -> increment(n), 7).get());
    }
  }

  @Test
  void resizes_whileTasksRun_loseNothingAndEndWithinTheLimit() throws Exception {
    resize(8);
  }

  @Test
  @Tag("deep")
  void resizes_manyWhileTasksRun_loseNothingAndEndWithinTheLimit() throws Exception {
    resize(100);
  }

  private static void resize(int rounds) throws Exception {
    try (var pool = pool(1)) {
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 250; i++) {
          futures.add(pool.submit((Integer n) -> increment(n), futures.size()));
        }
        pool.setMaxWorkers(1 + round % 3);
        pool.setMaxWorkers(3 - round % 3);
        var _ = futures.get(futures.size() - 200).get(GIVE_UP_SECONDS, TimeUnit.SECONDS);
      }
      pool.setMaxWorkers(1);
      assertSettled(pool, futures);
      Await.until("one worker is left", () -> pool.workers().size() <= 1);
    }
  }

  @Test
  void close_withAnIdleWorkerThatIsStopped_returns() throws Exception {
    var pool = pool(1);
    long pid = pool.submit(Tasks::pid).get();
    new ProcessBuilder("kill", "-STOP", "" + pid).start().waitFor();
    pool.close();
    Await.untilGone(pid);
  }

  @Test
  void taskTimeout_ofAStoppedWorker_failsTheTaskAndReplacesTheWorker() throws Exception {
    try (var pool =
        ProcessPool.builder()
            .maxWorkers(1)
            .output(WorkerOutput.DISCARD)
            .taskTimeout(Duration.ofMillis(300))
            .build()) {
      var task =
          pool.submit(() -> {
            long own = Tasks.pid();
            return new ProcessBuilder("kill", "-STOP", "" + own).start().waitFor();
          });
      var thrown =
          assertThrows(ExecutionException.class, () -> task.get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
      assertInstanceOf(TimeoutException.class, thrown.getCause());
      assertEquals(4, pool.submit(Tasks::square, 2L).get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
    }
  }
}
