package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Workers killed at random moments, and parents killed in every state. */
@Tag("deep")
@NullUnmarked
class KillSoakTest {
  @TempDir Path folder;

  @Test
  void thousandTasks_withWorkersKilledAtRandom_endOnceEachAndLeaveNothingBehind() throws Exception {
    long descriptorsBefore = descriptors();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Map<Integer, Integer> completions = new HashMap<>();
    int crashed = 0;
    int kills = 0;
    AtomicBoolean done = new AtomicBoolean();
    String ranFolder = folder.toString();
    try (var pool =
        ProcessPool.builder().name("soak").maxWorkers(2).output(WorkerOutput.DISCARD).build()) {
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 1_000; i++) {
        boolean tiny = i % 2 == 0;
        CompletableFuture<Integer> future =
            pool.submit((Integer n) -> tiny ? n : work(n, ranFolder), i);
        int index = i;
        var _ =
            future.whenComplete((result, failure) -> {
              synchronized (completions) {
                completions.merge(index, 1, Integer::sum);
              }
            });
        futures.add(future);
      }
      Thread waiter =
          new Thread(() -> {
            for (var future : futures) {
              try {
                future.get();
              } catch (ExecutionException | InterruptedException expected) {
                // Counted below.
              }
            }
            done.set(true);
          });
      waiter.start();
      while (!done.get()) {
        LockSupport.parkNanos(random.nextLong(200_000_000));
        boolean alsoStarting = random.nextInt(10) == 0; // five starts in a row must not fail
        var workers =
            pool.workers().stream()
                .filter(w -> w.pid().isPresent())
                .filter(w -> alsoStarting || !w.state().equals("STARTING"))
                .toList();
        if (!workers.isEmpty()) {
          long victim = workers.get(random.nextInt(workers.size())).pid().getAsLong();
          var _ = ProcessHandle.of(victim).map(ProcessHandle::destroyForcibly);
          kills++;
        }
      }
      waiter.join();
      for (int i = 0; i < futures.size(); i++) {
        try {
          assertEquals(i, futures.get(i).get());
        } catch (ExecutionException failure) {
          assertInstanceOf(WorkerCrashedException.class, failure.getCause(), "seed " + seed);
          crashed++;
        }
      }
      var stats = pool.stats();
      assertEquals(1_000, stats.completed() + stats.failed());
    }
    assertTrue(kills > 10, "kills " + kills);
    assertTrue(crashed <= kills, "crashed " + crashed + " kills " + kills + " seed " + seed);
    Await.until("all callbacks ran", () -> completions.size() == 1_000);
    assertTrue(completions.values().stream().allMatch(count -> count == 1));
    try (Stream<Path> runs = Files.list(folder)) { // each task of the other kind makes files
      assertTrue(
          runs.map(file -> file.getFileName().toString()).noneMatch(n -> n.contains("twice")));
    }
    assertEquals(0, ProcessHandle.current().descendants().filter(ProcessHandle::isAlive).count());
    Await.until(
        "no thread is left",
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().startsWith("soak-")));
    String prefix = "bouncer-" + ProcessHandle.current().pid() + "-";
    for (String place : List.of(System.getProperty("java.io.tmpdir"), "/dev/shm")) {
      try (Stream<Path> files = Files.list(Path.of(place))) {
        assertEquals(
            List.of(),
            files.filter(f -> f.getFileName().toString().startsWith(prefix)).toList(),
            place);
      }
    }
    Await.until(
        "descriptors are closed",
        () -> {
          System.gc();
          return descriptors() <= descriptorsBefore + 5;
        });
  }

  /** Takes some milliseconds, and notes when it runs a second time. */
  private static int work(int n, String folder) throws Exception {
    Path ran = Path.of(folder, "ran" + n);
    if (Files.exists(ran)) {
      Files.createFile(Path.of(folder, "twice" + n));
    }
    Files.createFile(ran);
    LockSupport.parkNanos(12_000_000);
    return n;
  }

  private static long descriptors() throws Exception {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  @Test
  void parent_killedWithSigkillInAnyState_leavesNothingAlive() throws Exception {
    for (String state : List.of("starting", "idle", "sleeping", "counting", "grandchild")) {
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
      List<ProcessHandle> family;
      if (state.equals("starting")) {
        Await.until("a child is there", () -> parent.descendants().findAny().isPresent());
      } else {
        Tasks.announcedPid(pids);
      }
      family = parent.descendants().toList();
      assertTrue(!family.isEmpty());
      parent.destroyForcibly();
      parent.waitFor();
      long killed = System.nanoTime();
      for (ProcessHandle member : family) {
        Await.untilGone(member.pid());
      }
      long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed);
      assertTrue(millis < Duration.ofSeconds(2).toMillis(), state + " took " + millis + " ms");
      System.out.println(
          "orphans after SIGKILL of the parent, " + state + ": none after " + millis + " ms");
    }
  }
}
