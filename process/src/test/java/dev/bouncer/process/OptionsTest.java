package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What each option of the builder promises. */
@NullUnmarked
class OptionsTest {
  @TempDir Path folder;

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static ProcessPoolBuilder quiet() {
    return ProcessPool.builder()
        .maxWorkers(1)
        .killAfter(Duration.ofMillis(50))
        .output(WorkerOutput.DISCARD);
  }

  @Test
  void taskTimeout_ofADeafTask_failsTheFutureAndReplacesTheWorker() throws Exception {
    String started = path("started");
    try (var pool = quiet().taskTimeout(Duration.ofMillis(200)).build()) {
      var late = pool.submit(() -> Tasks.hangHard(Path.of(started)));
      var next = pool.submit(() -> Tasks.pid());
      ExecutionException thrown = assertThrows(ExecutionException.class, late::get);
      var timeout = assertInstanceOf(TimeoutException.class, thrown.getCause());
      assertTrue(timeout.getMessage().contains("timeout=PT0.2S"), timeout.getMessage());
      assertNotEquals(Tasks.announcedPid(Path.of(started)), next.get());
      assertEquals(1, pool.stats().failed());
    }
  }

  @Test
  void maxTasksPerWorker_one_withABacklog_givesEachTaskAProcessOfItsOwn() throws Exception {
    try (var pool = quiet().maxWorkers(2).maxTasksPerWorker(1).build()) {
      List<Long> inputs = List.of(1L, 2L, 3L, 4L, 5L, 6L);
      Set<Long> pids = new HashSet<>();
      try (var results = pool.map(inputs, n -> Tasks.pid())) {
        results.forEach(pids::add);
      }
      assertEquals(6, pids.size());
      assertEquals(0, pool.stats().failed());
    }
  }

  @Test
  void idleTimeout_endsAWorkerAndTheNextTaskGetsAnother() throws Exception {
    try (var pool = quiet().idleTimeout(Duration.ofMillis(50)).build()) {
      long first = pool.submit(() -> Tasks.pid()).get();
      Await.until("the idle worker is gone", () -> pool.workers().isEmpty());
      assertNotEquals(first, pool.submit(() -> Tasks.pid()).get());
    }
  }

  @Test
  void jvmOptions_withAnotherCollector_winOverThePools() throws Exception {
    try (var pool = quiet().jvmOptions("-XX:+UseParallelGC").build()) {
      assertEquals(1, pool.submit(() -> 1).get());
    }
  }

  @Test
  void minWorkers_areStartedWithThePoolAndKept() throws Exception {
    try (var pool = quiet().maxWorkers(2).minWorkers(2).idleTimeout(Duration.ofMillis(1)).build()) {
      Await.until(
          "two workers are idle",
          () -> pool.workers().stream().filter(w -> w.state().equals("IDLE")).count() == 2);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> ProcessPool.builder().maxWorkers(1).minWorkers(2).build());
  }

  @Test
  void spare_takesOverFromAKilledWorkerButNeverRunsBesideIt() throws Exception {
    try (var pool = quiet().spare(true).build()) {
      long first = pool.submit(() -> Tasks.pid()).get();
      Await.until(
          "a spare is idle, too",
          () -> pool.workers().stream().filter(w -> w.state().equals("IDLE")).count() == 2);
      long spare =
          pool.workers().stream()
              .mapToLong(worker -> worker.pid().getAsLong())
              .filter(pid -> pid != first)
              .findFirst()
              .getAsLong();
      ProcessHandle.of(first).orElseThrow().destroyForcibly();
      Await.untilGone(first);
      Await.until(
          "the pool knows",
          () -> pool.workers().stream().noneMatch(w -> w.pid().orElse(0) == first));
      assertEquals(spare, pool.submit(() -> Tasks.pid()).get());
      String started = path("started");
      String go = path("go");
      var running = pool.submit(() -> Tasks.waitFor(Path.of(started), Path.of(go)));
      var queued = pool.submit(() -> 1);
      Tasks.announcedPid(Path.of(started));
      assertEquals(1, pool.stats().running());
      assertEquals(1, pool.stats().queued());
      Tasks.announce(Path.of(go));
      running.get();
      assertEquals(1, queued.get());
    }
  }

  @Test
  void maxHeap_passedByATask_isSaidInTheCrash() throws Exception {
    try (var pool = quiet().maxHeap(32 << 20).build()) {
      var task =
          pool.submit(() -> {
            List<byte[]> all = new ArrayList<>();
            while (all.size() < 1_000) {
              all.add(new byte[1 << 20]);
            }
            return all.size();
          });
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      var crash = assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
      assertTrue(crash.isOutOfMemory(), crash.getMessage());
    }
  }

  @Test
  void maxRss_passedByATask_killsItAndSaysWhy() throws Exception {
    try (var pool = quiet().maxRss(200 << 20).maxHeap(1L << 30).build()) {
      var task =
          pool.submit(() -> {
            byte[] large = new byte[400 << 20];
            java.util.Arrays.fill(large, (byte) 1);
            new java.util.concurrent.CountDownLatch(1).await();
            return large.length;
          });
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      var crash = assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
      assertTrue(crash.getMessage().contains("maxRss=209715200"), crash.getMessage());
      assertEquals(1, pool.submit(() -> 1).get());
    }
  }

  @Test
  void initializer_runsOnceInEachWorkerBeforeItsFirstTask() throws Exception {
    try (var pool = quiet().initializer(() -> System.setProperty("prepared", "yes")).build()) {
      assertEquals("yes", pool.submit(() -> System.getProperty("prepared")).get());
      assertEquals(1, pool.stats().submitted());
    }
  }

  @Test
  void initializer_thatThrows_breaksThePoolWithTheEvidence() throws Exception {
    try (var pool =
        quiet()
            .initializer(() -> {
              throw new IllegalStateException("no model");
            })
            .build()) {
      var task = pool.submit(() -> 1);
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      var failure = assertInstanceOf(WorkerStartException.class, thrown.getCause());
      assertTrue(failure.getMessage().contains("no model"), failure.getMessage());
    }
  }

  @Test
  void initializer_thatHangs_isKilledByTheStartTimeout() throws Exception {
    String started = path("started");
    try (var pool =
        quiet()
            .startTimeout(Duration.ofMillis(700))
            .initializer(() -> Tasks.hangHard(Path.of(started)))
            .build()) {
      var task = pool.submit(() -> 1);
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      assertInstanceOf(WorkerStartException.class, thrown.getCause());
    }
  }

  @Test
  void workers_andDump_tellHowFullEachHeapIs() throws Exception {
    Path started = folder.resolve("started");
    String file = started.toString();
    try (var pool = quiet().maxHeap(64 << 20).build()) {
      long pid = pool.submit(Tasks::pid).get();
      WorkerInfo idle = pool.workers().getFirst();
      long max = idle.heapMaxBytes().getAsLong();
      assertTrue(max > 32 << 20 && max <= 64 << 20, "" + idle);
      assertTrue(idle.heapUsedBytes().getAsLong() > 0, "" + idle);
      var running =
          pool.submit(() -> {
            byte[][] hoard = new byte[40][];
            for (int i = 0; i < hoard.length; i++) {
              hoard[i] = new byte[1 << 20];
            }
            return Tasks.hang(Path.of(file)) + hoard.length;
          });
      assertEquals(pid, Tasks.announcedPid(started));
      Await.until(
          "the worker has told that its heap is full",
          () -> pool.workers().getFirst().heapUsedBytes().getAsLong() >= 40 << 20);
      assertTrue(pool.dump().matches("(?s).* heap=[0-9]+/[0-9]+MiB .*"), pool.dump());
      assertTrue(running.cancel(true));
    }
  }

  @Test
  void workers_andDump_nameWhatRuns() throws Exception {
    String started = path("started");
    try (var pool = quiet().build()) {
      var running =
          pool.submit(() -> {
            TaskContext.current().progress(0.25, "a quarter");
            return Tasks.hang(Path.of(started));
          });
      long pid = Tasks.announcedPid(Path.of(started));
      Await.until("progress has arrived", () -> pool.workers().getFirst().progress().isPresent());
      WorkerInfo worker = pool.workers().getFirst();
      assertEquals(pid, worker.pid().getAsLong());
      assertEquals("BUSY", worker.state());
      assertEquals(0.25, worker.progress().getAsDouble());
      assertTrue(worker.task().orElseThrow().contains("OptionsTest"));
      assertTrue(worker.taskAge().orElseThrow().isPositive());
      assertTrue(pool.dump().contains("pid=" + pid), pool.dump());
      assertTrue(pool.dump().contains("a quarter"), pool.dump());
      assertTrue(running.cancel(true));
    }
  }
}
