package dev.bouncer.benchmarks;

import static dev.bouncer.benchmarks.ProcessPoolProgram.millisSince;
import static dev.bouncer.benchmarks.ProcessPoolProgram.print;

import dev.bouncer.process.ProcessPool;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;

/** What {@link ProcessPoolProgram} measures of workers that are killed, or lose their pool. */
final class WorkerDeaths {
  private static final int KILLS = 7;

  private WorkerDeaths() {}

  /**
   * Kills a busy worker, again and again, while its neighbour is busy, too, and a task waits: when
   * does the lost task fail, and when does the successor answer?
   */
  static void kill(ProcessPool pool) throws Exception {
    CompletableFuture<Long> neighbour = pool.submit(WorkerDeaths::waitForEver);
    double[] failed = new double[KILLS];
    double[] healed = new double[KILLS];
    for (int i = 0; i < KILLS; i++) {
      Path started = Files.createTempFile("bouncer-bench-", "");
      Files.delete(started);
      String file = started.toString();
      CompletableFuture<Long> doomed =
          pool.submit(() -> {
            Files.writeString(Path.of(file + "~"), "" + ProcessHandle.current().pid());
            Files.move(Path.of(file + "~"), Path.of(file));
            return waitForEver();
          });
      while (!Files.exists(started)) {
        Thread.onSpinWait();
      }
      ProcessHandle victim =
          ProcessHandle.of(Long.parseLong(Files.readString(started))).orElseThrow();
      Files.delete(started);
      CompletableFuture<Long> next = pool.submit(() -> ProcessHandle.current().pid());
      long begin = System.nanoTime();
      victim.destroyForcibly();
      try {
        doomed.get();
        throw new IllegalStateException("the task must fail");
      } catch (ExecutionException expected) {
        failed[i] = millisSince(begin);
      }
      if (next.get() == victim.pid()) {
        throw new IllegalStateException("the successor must answer");
      }
      healed[i] = millisSince(begin);
    }
    var _ = neighbour.cancel(true);
    print("kill_first_ms", failed[0]);
    Arrays.sort(failed);
    print("kill_ms", failed[KILLS / 2]);
    Arrays.sort(healed);
    print("heal_ms", healed[KILLS / 2]);
  }

  private static long waitForEver() throws InterruptedException {
    new CountDownLatch(1).await();
    return 0;
  }

  /** How late is a timeout? */
  static void timeout() throws Exception {
    Duration timeout = Duration.ofMillis(100);
    try (ProcessPool pool = ProcessPool.builder().maxWorkers(1).taskTimeout(timeout).build()) {
      pool.submit(() -> 1).get();
      long begin = System.nanoTime();
      try {
        pool.submit(
                () -> {
                  new CountDownLatch(1).await();
                  return 0;
                })
            .get();
        throw new IllegalStateException("the task must time out");
      } catch (ExecutionException expected) {
        print("timeout_ms", millisSince(begin) - timeout.toMillis());
      }
    }
  }

  /** A JVM with a pool is killed while a worker computes: how long does the worker live on? */
  static void orphan() throws Exception {
    Process owner =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Ddev.bouncer.process.aotCache=off",
                "-cp",
                System.getProperty("java.class.path"),
                ProcessPoolProgram.class.getName(),
                "owner")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (var output = owner.inputReader()) {
      ProcessHandle worker = ProcessHandle.of(Long.parseLong(output.readLine())).orElseThrow();
      long begin = System.nanoTime();
      owner.destroyForcibly();
      while (isRunning(worker)) {
        Thread.onSpinWait();
      }
      print("orphan_ms", millisSince(begin));
    } finally {
      owner.destroyForcibly();
    }
  }

  /** A dead process stays in the table until its new parent looks at it. */
  private static boolean isRunning(ProcessHandle process) throws IOException {
    try {
      Path status = Path.of("/proc", "" + process.pid(), "stat");
      return process.isAlive()
          && !(Files.exists(status) && Files.readString(status).contains(") Z "));
    } catch (NoSuchFileException gone) {
      return false;
    }
  }

  /** The JVM that {@link #orphan} kills. */
  static void own() throws Exception {
    ProcessPool pool = ProcessPool.of(1);
    long pid = pool.submit(() -> ProcessHandle.current().pid()).get();
    var _ = pool.submit(WorkerDeaths::computeForEver);
    while (!pool.workers().getFirst().state().equals("BUSY")) {
      Thread.onSpinWait();
    }
    System.out.println(pid);
    new CountDownLatch(1).await();
  }

  private static long computeForEver() {
    long sum = 1;
    while (sum != 0) {
      sum = sum * 31 | 1;
    }
    return sum;
  }
}
