package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What broke other process pools, one test each. Those not here stand in the other classes. */
@NullUnmarked
class KnownPainsTest {
  @TempDir Path folder;

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static ProcessPool pool(int workers) {
    return ProcessPool.builder()
        .maxWorkers(workers)
        .killAfter(Duration.ofMillis(100))
        .maxHeap(256 << 20)
        .output(WorkerOutput.DISCARD)
        .build();
  }

  private static void assertCrashed(CompletableFuture<?> future) {
    ExecutionException thrown = assertThrows(ExecutionException.class, future::get);
    assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
  }

  @Test
  void crash_whileALargeInputIsBeingSent_neitherHangsNorLosesATask() throws Exception {
    String started = path("started");
    try (var pool = pool(1)) {
      long pid = pool.submit(() -> Tasks.pid()).get();
      signal("STOP", pid); // its pipe fills up, and the pool's writer blocks in it
      var large = pool.submit((byte[] bytes) -> bytes.length, new byte[8 << 20]);
      Await.until("it is being sent", () -> pool.stats().running() == 1);
      signal("KILL", pid);
      assertEquals(8 << 20, large.get(60, TimeUnit.SECONDS)); // it never started, so it moved on
      var doomed = pool.submit(() -> Tasks.hang(Path.of(started)));
      signal("KILL", Tasks.announcedPid(Path.of(started)));
      assertCrashed(doomed);
    }
  }

  @Test
  void crash_whileALargeResultIsBeingSent_failsThatTask() throws Exception {
    String started = path("started");
    try (var pool = pool(1)) {
      var task =
          pool.submit(() -> {
            Thread killer =
                new Thread(() -> {
                  try {
                    Tasks.announce(Path.of(started));
                  } catch (IOException impossible) {
                    throw new IllegalStateException(impossible);
                  }
                  Runtime.getRuntime().halt(9);
                });
            killer.start();
            killer.join();
            return new byte[64 << 20];
          });
      assertCrashed(task);
      assertEquals(1, pool.submit(() -> 1).get());
    }
  }

  @Test
  void stoppedWorker_cancelled_isKilled() throws Exception {
    String started = path("started");
    try (var pool = pool(1)) {
      var task = pool.submit(() -> Tasks.hang(Path.of(started)));
      long pid = Tasks.announcedPid(Path.of(started));
      signal("STOP", pid);
      assertTrue(task.cancel(true));
      assertNotEquals(pid, pool.submit(() -> Tasks.pid()).get());
    }
  }

  @Test
  void submit_toAnIdleWorkerThatIsStopped_returnsAtOnce() throws Exception {
    try (var pool = pool(1)) {
      for (int i = 0; i < 100; i++) { // the function is known there, so it is sent at once
        assertEquals(i + 1, pool.submit((Integer n) -> increment(n), i).get());
      }
      long pid = pool.workers().getFirst().pid().getAsLong();
      signal("STOP", pid);
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      try {
        for (int i = 0; i < 20_000; i++) { // more than a pipe takes
          futures.add(pool.submit((Integer n) -> increment(n), i));
        }
      } finally {
        signal("CONT", pid);
      }
      for (int i = 0; i < futures.size(); i++) {
        assertEquals(i + 1, futures.get(i).get(60, TimeUnit.SECONDS));
      }
    }
  }

  private static int increment(int n) {
    return n + 1;
  }

  @Test
  void cancel_ofOneInAStreamOfTinyTasks_losesNoOther() throws Exception {
    try (var pool = pool(2)) {
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 30_000; i++) {
        futures.add(pool.submit((Integer n) -> increment(n), i));
        if (i % 7 == 0) {
          var _ = futures.get(i / 2).cancel(true);
        }
      }
      for (int i = 0; i < futures.size(); i++) {
        if (!futures.get(i).isCancelled()) {
          assertEquals(i + 1, futures.get(i).get(60, TimeUnit.SECONDS));
        }
      }
      Await.until("nothing runs", () -> pool.stats().running() == 0);
      var stats = pool.stats();
      assertEquals(30_000, stats.completed() + stats.cancelled());
      assertEquals(0, stats.failed());
    }
  }

  @Test
  void ctrlC_reachesTheWholeGroupButKillsNoTask() throws Exception {
    String started = path("started");
    String go = path("go");
    try (var pool = pool(1)) {
      var task = pool.submit(() -> Tasks.waitFor(Path.of(started), Path.of(go)));
      long pid = Tasks.announcedPid(Path.of(started));
      signal("INT", pid);
      Tasks.announce(Path.of(go));
      assertEquals(pid, task.get());
    }
  }

  @Test
  void outOfMemory_whileAnInputIsRead_failsThatTask() throws Exception {
    try (var pool = pool(1)) {
      assertCrashed(pool.submit((Object input) -> 1, new Bomb(false)));
      ExecutionException thrown =
          assertThrows(
              ExecutionException.class,
              () -> pool.submit((Object input) -> 1, new Bomb(true)).get());
      assertInstanceOf(StackOverflowError.class, thrown.getCause());
      assertEquals(1, pool.submit(() -> 1).get());
    }
  }

  /** Explodes when it is read. */
  private static final class Bomb implements Serializable {
    private static final long serialVersionUID = 1;
    private final boolean overflows;

    Bomb(boolean overflows) {
      this.overflows = overflows;
    }

    private void readObject(ObjectInputStream stream) throws IOException, ClassNotFoundException {
      stream.defaultReadObject();
      List<long[]> all = new ArrayList<>();
      if (overflows) {
        readObjectAgain(0);
      }
      while (all.size() < 100_000) {
        all.add(new long[1 << 20]);
      }
    }

    private int readObjectAgain(int depth) {
      return depth == Integer.MIN_VALUE ? depth : readObjectAgain(depth + 1) + 1;
    }
  }

  @Test
  void shutdown_withoutWaiting_runsTheBacklog() throws Exception {
    var pool = pool(2);
    List<CompletableFuture<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      futures.add(pool.submit((Integer n) -> n + 1, i));
    }
    pool.shutdown();
    for (int i = 0; i < 200; i++) {
      assertEquals(i + 1, futures.get(i).get());
    }
    assertTrue(pool.awaitTermination(60, TimeUnit.SECONDS));
  }

  @Test
  void poolInAStaticInitialiser_ofTheClassThatSubmits_isRefusedInTheWorker() throws Exception {
    Process program =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                StaticPool.class.getName())
            .redirectErrorStream(true)
            .start();
    String printed = new String(program.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, program.waitFor(), printed);
    assertTrue(printed.contains("must not be made inside a worker"), printed);
  }

  @Test
  void launchingThread_livesAsLongAsItsWorkers() throws Exception {
    try (var pool = pool(1)) {
      CompletableFuture<Long> pid = new CompletableFuture<>();
      Thread submitter =
          new Thread(() -> pid.complete(pool.submit(() -> Tasks.pid()).join()), "short-lived");
      submitter.start();
      submitter.join();
      assertEquals(pid.get(), pool.submit(() -> Tasks.pid()).get());
    }
  }

  @Test
  void tinyTasks_whoseWorkerIsKilledInTheMiddle_loseOneOfThemAtMost() throws Exception {
    try (var pool = pool(1)) {
      for (int i = 0; i < 3_000; i++) { // until tasks are sent ahead
        assertEquals(i + 1, pool.submit((Integer n) -> n + 1, i).get());
      }
      String started = path("started");
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 20_000; i++) {
        futures.add(pool.submit((Integer n) -> dieAt(n, 10_000, started), i));
      }
      int crashed = 0;
      for (int i = 0; i < futures.size(); i++) {
        try {
          assertEquals(i, futures.get(i).get());
        } catch (ExecutionException failure) {
          assertInstanceOf(WorkerCrashedException.class, failure.getCause());
          assertEquals(10_000, i);
          crashed++;
        }
      }
      assertEquals(1, crashed);
      assertTrue(Files.exists(Path.of(started)));
    }
  }

  private static int dieAt(int n, int fatal, String started) throws IOException {
    if (n == fatal) {
      Tasks.announce(Path.of(started));
      ProcessHandle.current().pid();
      Runtime.getRuntime().halt(1);
    }
    return n;
  }

  @Test
  void longTask_amongTinyOnesOfTheSameFunction_holdsUpNoOther() throws Exception {
    String started = path("started");
    String go = path("go");
    try (var pool = pool(2)) {
      for (int i = 0; i < 3_000; i++) {
        pool.submit((Integer n) -> hangAt(n, -1, started, go), i).get();
      }
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 5_000; i++) {
        futures.add(pool.submit((Integer n) -> hangAt(n, 100, started, go), i));
      }
      for (int i = 0; i < futures.size(); i++) {
        if (i != 100) {
          assertEquals(i, futures.get(i).get(60, TimeUnit.SECONDS));
        }
      }
      assertTrue(!futures.get(100).isDone());
      Tasks.announce(Path.of(go));
      assertEquals(100, futures.get(100).get());
    }
  }

  private static int hangAt(int n, int slow, String started, String go) throws IOException {
    if (n == slow) {
      Tasks.waitFor(Path.of(started), Path.of(go));
    }
    return n;
  }

  static void signal(String name, long pid) throws Exception {
    assertEquals(0, new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor());
  }
}
