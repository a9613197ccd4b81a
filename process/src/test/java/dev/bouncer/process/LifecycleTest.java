package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How workers and pools begin and end. */
@NullUnmarked
class LifecycleTest {
  @TempDir Path folder;

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static long childrenOfThisJvm() {
    return ProcessHandle.current().descendants().filter(ProcessHandle::isAlive).count();
  }

  @Test
  void close_withTasksQueued_runsThemAllAndLeavesNoChild() throws Exception {
    List<CompletableFuture<Long>> futures = new ArrayList<>();
    Set<Long> pids = new HashSet<>();
    try (var pool = ProcessPool.of(2)) {
      for (int i = 0; i < 20; i++) {
        futures.add(pool.submit(() -> Tasks.pid()));
      }
    }
    for (var future : futures) {
      assertTrue(future.isDone());
      pids.add(future.get());
    }
    assertTrue(pids.size() <= 2, "pids " + pids);
    for (long pid : pids) {
      assertTrue(ProcessHandle.of(pid).isEmpty(), "still there: " + pid);
    }
  }

  @Test
  void close_ofAPoolThatNeverWorked_startsNothing() {
    long before = childrenOfThisJvm();
    try (var pool = ProcessPool.of(8)) {
      assertEquals(before, childrenOfThisJvm());
      assertEquals(8, pool.maxWorkers());
    }
    assertThrows(IllegalArgumentException.class, () -> ProcessPool.of(0));
  }

  @Test
  void workers_startedForFewTasks_areAsFewAsNeeded() throws Exception {
    try (var pool = ProcessPool.of(4)) {
      Set<Long> pids = new HashSet<>();
      for (int i = 0; i < 10; i++) {
        pids.add(pool.submit(() -> Tasks.pid()).get());
      }
      assertEquals(1, pids.size());
    }
  }

  @Test
  void submit_afterShutdown_isRefused() throws Exception {
    var pool = ProcessPool.of(1);
    var last = pool.submit(() -> 1);
    pool.shutdown();
    assertTrue(pool.isShutdown());
    assertThrows(RejectedExecutionException.class, () -> pool.submit(() -> 2));
    assertTrue(pool.awaitTermination(60, TimeUnit.SECONDS));
    assertTrue(pool.isTerminated());
    assertEquals(1, last.get());
    assertEquals(1, pool.stats().rejected());
  }

  @Test
  void shutdownNow_withTasksRunningAndQueued_leavesNoFuturePending() throws Exception {
    String started = path("started");
    var pool =
        ProcessPool.builder()
            .maxWorkers(1)
            .killAfter(Duration.ofMillis(50))
            .output(WorkerOutput.DISCARD)
            .build();
    var running = pool.submit(() -> Tasks.hangHard(Path.of(started)));
    long pid = Tasks.announcedPid(Path.of(started));
    var queued = pool.submit(() -> 1);
    Runnable runnable = (Runnable & Serializable) () -> {};
    var queuedRunnable = pool.submit(runnable);

    List<Runnable> neverStarted = pool.shutdownNow();

    assertEquals(2, neverStarted.size());
    assertTrue(neverStarted.get(0).toString().contains("LifecycleTest"));
    assertEquals(runnable, neverStarted.get(1));
    assertTrue(queued.isCancelled());
    assertTrue(queuedRunnable.isCancelled());
    assertTrue(pool.awaitTermination(60, TimeUnit.SECONDS));
    assertTrue(running.isDone());
    assertThrows(CancellationException.class, running::get);
    assertTrue(ProcessHandle.of(pid).isEmpty());
  }

  @Test
  void setMaxWorkers_raisedAndLowered_startsAndRetiresWorkers() throws Exception {
    String go = path("go");
    try (var pool = ProcessPool.of(1)) {
      List<CompletableFuture<Long>> futures = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        String started = path("started" + i);
        futures.add(pool.submit(() -> Tasks.waitFor(Path.of(started), Path.of(go))));
      }
      long first = Tasks.announcedPid(Path.of(path("started0")));
      assertEquals(1, pool.stats().queued());
      pool.setMaxWorkers(2);
      long second = Tasks.announcedPid(Path.of(path("started1")));
      pool.setMaxWorkers(1);
      assertEquals(2, pool.stats().running());
      Tasks.announce(Path.of(go));
      futures.forEach(CompletableFuture::join);
      Await.until(
          "one worker is gone",
          () -> ProcessHandle.of(first).isEmpty() != ProcessHandle.of(second).isEmpty());
      assertThrows(IllegalArgumentException.class, () -> pool.setMaxWorkers(0));
    }
  }

  @Test
  void start_thatFailsEveryTime_breaksThePoolWithTheEvidence() throws Exception {
    try (var pool = ProcessPool.builder().maxWorkers(2).jvmOptions("-XX:NoSuchOption=1").build()) {
      var task = pool.submit(() -> 1);
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      var failure = assertInstanceOf(WorkerStartException.class, thrown.getCause());
      assertTrue(failure.getMessage().contains("NoSuchOption"), failure.getMessage());
      assertTrue(failure.getMessage().contains("exitCode=1"), failure.getMessage());
      var refused = assertThrows(RejectedExecutionException.class, () -> pool.submit(() -> 2));
      assertEquals(failure, refused.getCause());
    }
  }

  @Test
  void build_withoutALauncher_saysWhereItLooked() throws Exception {
    String home = System.getProperty("java.home");
    System.setProperty("java.home", folder.toString());
    try {
      var failure = assertThrows(IllegalStateException.class, () -> ProcessPool.of(1));
      assertTrue(failure.getMessage().contains("looked in=" + folder), failure.getMessage());
    } finally {
      System.setProperty("java.home", home);
    }
  }

  @Test
  void launcher_thatVanishes_breaksThePoolWithTheEvidence() throws Exception {
    String home = System.getProperty("java.home");
    Path java = Files.createDirectory(folder.resolve("bin")).resolve("java");
    Files.createSymbolicLink(java, Path.of(home, "bin", "java"));
    System.setProperty("java.home", folder.toString());
    try (var pool = ProcessPool.builder().maxWorkers(1).output(WorkerOutput.DISCARD).build()) {
      Files.delete(java);
      var task = pool.submit(() -> 1);
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      var failure = assertInstanceOf(WorkerStartException.class, thrown.getCause());
      assertTrue(failure.getMessage().contains(java.toString()), failure.getMessage());
    } finally {
      System.setProperty("java.home", home);
    }
  }

  @Test
  void folderForTemporaryFiles_thatIsNotThere_isNotNeededWhereMemoryHasOne() throws Exception {
    String folderBefore = System.getProperty("java.io.tmpdir");
    System.setProperty("java.io.tmpdir", path("nowhere"));
    try (var pool = ProcessPool.builder().maxWorkers(1).build()) {
      if (Files.isWritable(Path.of("/dev/shm"))) {
        assertEquals(1, pool.submit(() -> 1).get());
      } else {
        var task = pool.submit(() -> 1);
        ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
        assertTrue(thrown.getCause().getMessage().contains(path("nowhere")));
      }
    } finally {
      System.setProperty("java.io.tmpdir", folderBefore);
    }
  }

  @Test
  void start_thatHangs_isKilledAndBreaksThePool() throws Exception {
    try (var pool =
        ProcessPool.builder()
            .maxWorkers(1)
            .startTimeout(Duration.ofMillis(300))
            .output(WorkerOutput.DISCARD)
            .jvmOptions("-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:0")
            .build()) {
      var task = pool.submit(() -> 1);
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      assertInstanceOf(WorkerStartException.class, thrown.getCause());
    }
  }

  @Test
  void classPath_longAndWithOddNames_reachesTheWorker() throws Exception {
    List<Path> entries = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      entries.add(Path.of(entry));
    }
    entries.add(folder.resolve("with space \"quote\" 'single' grüße \\backslash $dollar"));
    for (int i = 0; i < 2_000; i++) {
      entries.add(folder.resolve("x".repeat(80) + i));
    }
    try (var pool = ProcessPool.builder().maxWorkers(1).classPath(entries).build()) {
      String classPath = pool.submit(() -> System.getProperty("java.class.path")).get();
      assertTrue(classPath.length() > 128 << 10, "length " + classPath.length());
      for (Path entry : entries) {
        assertTrue(classPath.contains(entry.toString()), entry.toString());
      }
    }
  }

  @Test
  void argumentFile_ofAWorker_isGoneWithIt() throws Exception {
    try (var pool = ProcessPool.of(1)) {
      pool.submit(() -> 1).get();
      assertEquals(List.of(), argumentFiles());
    }
    try (var pool = ProcessPool.builder().jvmOptions("-XX:NoSuchOption=1").build()) {
      var task = pool.submit(() -> 1);
      assertThrows(ExecutionException.class, task::get);
    }
    assertEquals(List.of(), argumentFiles());
  }

  private static List<Path> argumentFiles() throws Exception {
    String prefix = "bouncer-" + ProcessHandle.current().pid() + "-worker-";
    List<Path> found = new ArrayList<>();
    for (String folder : List.of("/dev/shm", System.getProperty("java.io.tmpdir"))) {
      if (Files.isDirectory(Path.of(folder))) {
        try (Stream<Path> files = Files.list(Path.of(folder))) {
          files
              .filter(file -> file.getFileName().toString().startsWith(prefix))
              .forEach(found::add);
        }
      }
    }
    return found;
  }

  @Test
  void parent_killedWithSigkill_leavesNoWorker() throws Exception {
    for (String state : List.of("idle", "sleeping", "counting")) {
      Path pids = folder.resolve(state);
      Process parent =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  PoolOwner.class.getName(),
                  state,
                  pids.toString())
              .inheritIO()
              .start();
      try {
        long worker = Tasks.announcedPid(pids);
        parent.destroyForcibly();
        parent.waitFor();
        Await.untilGone(worker);
      } finally {
        parent.destroyForcibly();
      }
    }
  }

  @Test
  void pool_forgotten_isShutDownWhenCollected() throws Exception {
    long pid = forgetAPool();
    Await.until(
        "the worker of the collected pool is gone",
        () -> {
          System.gc();
          return ProcessHandle.of(pid).isEmpty();
        });
  }

  private static long forgetAPool() throws Exception {
    return ProcessPool.of(1).submit(() -> Tasks.pid()).get();
  }
}
