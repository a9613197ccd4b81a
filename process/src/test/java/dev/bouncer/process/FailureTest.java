package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Crashes, kills and cancels: what they end, and what they leave alone. */
@NullUnmarked
class FailureTest {
  @TempDir Path folder;

  private static ProcessPool pool(int workers) {
    return ProcessPool.builder()
        .maxWorkers(workers)
        .output(WorkerOutput.DISCARD)
        .jvmOptions("-Xmx64m")
        .killAfter(Duration.ofMillis(100))
        .build();
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static WorkerCrashedException crashOf(CompletableFuture<?> future) {
    ExecutionException thrown = assertThrows(ExecutionException.class, future::get);
    return assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
  }

  @Test
  void crash_ofEveryKind_failsOnlyItsTaskAndTheWorkerIsReplaced() throws Exception {
    try (var pool = pool(1)) {
      long firstPid = pool.submit(() -> Tasks.pid()).get();
      var exit =
          pool.submit(() -> {
            System.err.println("last words");
            System.exit(7);
            return 0;
          });
      var halt =
          pool.submit(() -> {
            Runtime.getRuntime().halt(0);
            return 0;
          });
      var outOfMemory = pool.submit(() -> fillTheHeap());
      var queued = pool.submit(() -> Tasks.pid());

      WorkerCrashedException crash = crashOf(exit);
      assertEquals(7, crash.exitCode().orElseThrow());
      assertEquals(firstPid, crash.pid());
      assertEquals(1, crash.workerId());
      assertTrue(crash.signal().isEmpty());
      assertTrue(crash.output().contains("last words"), crash.output());
      assertTrue(crash.getMessage().contains("FailureTest"), crash.getMessage());
      assertEquals(0, crashOf(halt).exitCode().orElseThrow());
      assertTrue(crashOf(outOfMemory).isOutOfMemory());
      assertNotEquals(firstPid, queued.get());
      assertEquals(3, pool.stats().failed());
      assertEquals(2, pool.stats().completed());
    }
  }

  private static int fillTheHeap() {
    List<long[]> all = new ArrayList<>();
    while (all.size() < Integer.MAX_VALUE) {
      all.add(new long[1 << 20]);
    }
    return all.size();
  }

  @Test
  void kill9_ofABusyWorker_failsItsTaskAndSparesTheOther() throws Exception {
    String victim = path("victim");
    String other = path("other");
    String go = path("go");
    try (var pool = pool(2)) {
      var doomed = pool.submit(() -> Tasks.hang(Path.of(victim)));
      var spared = pool.submit(() -> Tasks.waitFor(Path.of(other), Path.of(go)));
      long pid = Tasks.announcedPid(Path.of(victim));
      Tasks.announcedPid(Path.of(other));
      ProcessHandle.of(pid).orElseThrow().destroyForcibly();
      WorkerCrashedException crash = crashOf(doomed);
      assertEquals(9, crash.signal().orElseThrow());
      assertEquals(pid, crash.pid());
      assertTrue(crash.getMessage().contains("SIGKILL"));
      assertEquals(1, pool.submit(() -> 1).get());
      Tasks.announce(Path.of(go));
      assertNotEquals(pid, spared.get());
    }
  }

  @Test
  void kill9_ofAnIdleWorker_failsNoTask() throws Exception {
    try (var pool = pool(1)) {
      for (int i = 0; i < 3; i++) {
        long pid = pool.submit(() -> Tasks.pid()).get();
        ProcessHandle worker = ProcessHandle.of(pid).orElseThrow();
        worker.destroyForcibly();
        worker.onExit().get(30, TimeUnit.SECONDS); // until then it may begin a task
        assertNotEquals(pid, pool.submit(() -> Tasks.pid()).get());
      }
      assertEquals(0, pool.stats().failed());
    }
  }

  @Test
  void cancel_ofAQueuedTask_takesItOutOfTheQueue() throws Exception {
    String started = path("started");
    String go = path("go");
    try (var pool = pool(1)) {
      var running = pool.submit(() -> Tasks.waitFor(Path.of(started), Path.of(go)));
      Tasks.announcedPid(Path.of(started));
      String ran = path("ran");
      var queued = pool.submit(() -> Tasks.waitFor(Path.of(ran), Path.of(go)));
      var last = pool.submit(() -> 3);
      assertEquals(2, pool.stats().queued());
      assertTrue(queued.cancel(false));
      assertEquals(1, pool.stats().queued());
      assertThrows(CancellationException.class, queued::get);
      Tasks.announce(Path.of(go));
      running.get();
      assertEquals(3, last.get());
      assertFalse(Path.of(ran).toFile().exists());
      assertEquals(1, pool.stats().cancelled());
    }
  }

  @Test
  void cancelTrue_ofARunningTask_interruptsItAndKeepsTheWorker() throws Exception {
    String started = path("started");
    String interrupted = path("interrupted");
    try (var pool = ProcessPool.builder().maxWorkers(1).killAfter(Duration.ofMinutes(5)).build()) {
      var running =
          pool.submit(() -> {
            try {
              return Tasks.hang(Path.of(started));
            } catch (InterruptedException expected) {
              if (TaskContext.current().isCancelled()) {
                Tasks.announce(Path.of(interrupted));
              }
              throw expected;
            }
          });
      long pid = Tasks.announcedPid(Path.of(started));
      assertTrue(running.cancel(true));
      assertTrue(running.isCancelled());
      assertEquals(pid, Tasks.announcedPid(Path.of(interrupted)));
      assertEquals(pid, pool.submit(() -> Tasks.pid()).get());
    }
  }

  @Test
  void cancelTrue_ofADeafTask_killsItAndWhatItStarted() throws Exception {
    String started = path("started");
    String child = path("child");
    try (var pool = pool(1)) {
      var running =
          pool.submit(() -> {
            Process sleeper = new ProcessBuilder("sleep", "600").start();
            java.nio.file.Files.writeString(Path.of(child), "" + sleeper.pid());
            return Tasks.hangHard(Path.of(started));
          });
      long pid = Tasks.announcedPid(Path.of(started));
      long grandchild = Long.parseLong(java.nio.file.Files.readString(Path.of(child)));
      assertTrue(running.cancel(true));
      assertThrows(CancellationException.class, running::get);
      assertNotEquals(pid, pool.submit(() -> Tasks.pid()).get()); // its place came free
      Await.untilGone(pid);
      Await.untilGone(grandchild);
    }
  }

  @Test
  void cancelFalse_ofARunningTask_letsItKeepItsPlaceUntilItEnds() throws Exception {
    String started = path("started");
    String go = path("go");
    try (var pool = pool(1)) {
      var running = pool.submit(() -> Tasks.waitFor(Path.of(started), Path.of(go)));
      long pid = Tasks.announcedPid(Path.of(started));
      assertTrue(running.cancel(false));
      var next = pool.submit(() -> Tasks.pid());
      assertEquals(1, pool.stats().running());
      assertEquals(1, pool.stats().queued());
      assertFalse(next.isDone());
      Tasks.announce(Path.of(go));
      assertEquals(pid, next.get());
    }
  }

  @Test
  void orTimeout_ofARunningTask_endsTheTaskToo() throws Exception {
    String started = path("started");
    try (var pool = pool(1)) {
      var running = pool.submit(() -> Tasks.hangHard(Path.of(started)));
      long pid = Tasks.announcedPid(Path.of(started));
      var _ = running.orTimeout(1, TimeUnit.MILLISECONDS);
      ExecutionException thrown = assertThrows(ExecutionException.class, running::get);
      assertInstanceOf(TimeoutException.class, thrown.getCause());
      Await.untilGone(pid);
      assertEquals(1, pool.submit(() -> 1).get());
    }
  }
}
