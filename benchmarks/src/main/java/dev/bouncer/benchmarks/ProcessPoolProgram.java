package dev.bouncer.benchmarks;

import dev.bouncer.Task;
import dev.bouncer.process.ProcessPool;
import dev.bouncer.process.WorkerOutput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;

/** What {@link ProcessSuite} measures of Bouncer's process pool. */
public final class ProcessPoolProgram {
  private static final int WARM_UP_ROUNDS = 4;

  private ProcessPoolProgram() {}

  /**
   * Prints the figures.
   *
   * @param args none; {@code train} only makes the AOT cache, as a pool does in the background;
   *     {@code first} measures only the first result; {@code owner} is the victim of another
   *     measurement
   * @throws Exception if something failed
   */
  public static void main(String[] args) throws Exception {
    String what = args.length == 0 ? "all" : args[0];
    if (what.equals("owner")) {
      own();
      return;
    }
    if (what.equals("train")) {
      train();
      return;
    }
    Task<Long, Long> square = n -> n * n;
    long begin = System.nanoTime();
    boolean uncached = what.equals("uncached");
    ProcessPool pool =
        ProcessPool.builder()
            .maxWorkers(2)
            .output(WorkerOutput.DISCARD)
            .aotCache(!uncached)
            .build();
    pool.submit(square, 3L).get();
    print(uncached ? "first_uncached_ms" : "first_ms", millisSince(begin));
    if (uncached) {
      pool.close();
      return;
    }
    print("cold20k", submitAll(pool, square, 20_000));
    for (int i = 0; i < WARM_UP_ROUNDS; i++) {
      submitAll(pool, square, 100_000);
    }
    long cpuBefore = cpuNanos(pool);
    print("submit1M", submitAll(pool, square, 1_000_000));
    print("cpu_ns", (cpuNanos(pool) - cpuBefore) / 1e6);
    map(pool, square);
    roundTrips(pool, square);
    megabyte(pool);
    kill(pool);
    begin = System.nanoTime();
    pool.close();
    print("close_ms", millisSince(begin));
    try (ProcessPool fresh = ProcessPool.of(1)) {
      for (long i = 0; i < 50; i++) {
        fresh.submit(square, i).get();
      }
      print("private_mb", privateMegabytes(fresh));
    }
    ready(square);
    timeout();
    orphan();
  }

  private static void train() throws InterruptedException {
    try (ProcessPool pool = ProcessPool.of(1)) {
      if (!pool.trainAotCache()) {
        throw new IllegalStateException("AOT cache could not be made: " + pool.dump());
      }
    }
  }

  private static void ready(Task<Long, Long> square) throws Exception {
    try (ProcessPool pool = ProcessPool.builder().maxWorkers(1).minWorkers(1).build()) {
      while (!pool.workers().getFirst().state().equals("IDLE")) {
        Thread.onSpinWait();
      }
      long begin = System.nanoTime();
      pool.submit(square, 3L).get();
      print("ready_us", (System.nanoTime() - begin) / 1e3);
    }
  }

  private static void timeout() throws Exception {
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
  private static void orphan() throws Exception {
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

  private static void own() throws Exception {
    ProcessPool pool = ProcessPool.of(1);
    long pid = pool.submit(() -> ProcessHandle.current().pid()).get();
    var _ = pool.submit(ProcessPoolProgram::computeForEver);
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

  private static double submitAll(ProcessPool pool, Task<Long, Long> task, int count)
      throws Exception {
    long begin = System.nanoTime();
    List<CompletableFuture<Long>> futures = new ArrayList<>(count);
    for (long i = 0; i < count; i++) {
      futures.add(pool.submit(task, i));
    }
    for (int i = 0; i < count; i++) {
      if (futures.get(i).get() != (long) i * i) {
        throw new IllegalStateException("wrong result: index=" + i);
      }
    }
    return count * 1e9 / (System.nanoTime() - begin);
  }

  private static void map(ProcessPool pool, Task<Long, Long> square) {
    List<Long> inputs = LongStream.range(0, 200_000).boxed().toList();
    double best = 0;
    for (int i = 0; i < 3; i++) {
      long begin = System.nanoTime();
      try (var results = pool.mapping(square).buffer(8_192).over(inputs)) {
        if (results.count() != inputs.size()) {
          throw new IllegalStateException("results are missing");
        }
      }
      best = Math.max(best, inputs.size() * 1e9 / (System.nanoTime() - begin));
    }
    print("map", best);
  }

  private static void roundTrips(ProcessPool pool, Task<Long, Long> square) throws Exception {
    long[] quiet = sortedRoundTrips(pool, square);
    print("rtt50_us", quiet[quiet.length / 2] / 1e3);
    print("rtt99_us", quiet[quiet.length * 99 / 100] / 1e3);
    AtomicBoolean stop = new AtomicBoolean();
    for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) {
      Thread.ofPlatform()
          .daemon()
          .start(() -> {
            while (!stop.get()) {
              Thread.onSpinWait();
            }
          });
    }
    long[] busy = sortedRoundTrips(pool, square);
    stop.set(true);
    print("rtt50_busy_us", busy[busy.length / 2] / 1e3);
    print("rtt99_busy_us", busy[busy.length * 99 / 100] / 1e3);
  }

  private static long[] sortedRoundTrips(ProcessPool pool, Task<Long, Long> square)
      throws Exception {
    long[] nanos = new long[5_000];
    for (int i = 0; i < nanos.length; i++) {
      long begin = System.nanoTime();
      pool.submit(square, (long) i).get();
      nanos[i] = System.nanoTime() - begin;
    }
    Arrays.sort(nanos);
    return nanos;
  }

  private static void megabyte(ProcessPool pool) throws Exception {
    byte[] megabyte = new byte[1 << 20];
    long[] nanos = new long[200];
    for (int i = 0; i < nanos.length; i++) {
      long begin = System.nanoTime();
      pool.submit((byte[] bytes) -> bytes, megabyte).get();
      nanos[i] = System.nanoTime() - begin;
    }
    Arrays.sort(nanos);
    print("mb_ms", nanos[nanos.length / 2] / 1e6);
  }

  private static void kill(ProcessPool pool) throws Exception {
    Path started = Files.createTempFile("bouncer-bench-", "");
    Files.delete(started);
    String file = started.toString();
    var doomed =
        pool.submit(() -> {
          Files.writeString(Path.of(file + "~"), "" + ProcessHandle.current().pid());
          Files.move(Path.of(file + "~"), Path.of(file));
          new CountDownLatch(1).await();
          return 0;
        });
    while (!Files.exists(started)) {
      Thread.onSpinWait();
    }
    ProcessHandle victim =
        ProcessHandle.of(Long.parseLong(Files.readString(started))).orElseThrow();
    Files.delete(started);
    pool.setMaxWorkers(1); // the successor of the victim, not its neighbour, is to answer
    long begin = System.nanoTime();
    victim.destroyForcibly();
    try {
      doomed.get();
      throw new IllegalStateException("the task must fail");
    } catch (ExecutionException expected) {
      print("kill_ms", millisSince(begin));
    }
    pool.setMaxWorkers(2);
    CompletableFuture<?>[] both = new CompletableFuture<?>[2];
    for (int i = 0; i < 2; i++) {
      both[i] = pool.submit(() -> ProcessHandle.current().pid());
    }
    CompletableFuture.allOf(both).get();
    while (pool.workers().stream().filter(worker -> worker.state().equals("IDLE")).count() < 2) {
      Thread.onSpinWait();
    }
    print("heal_ms", millisSince(begin));
  }

  private static long cpuNanos(ProcessPool pool) {
    long own = ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos();
    return own
        + pool.workers().stream()
            .mapToLong(worker ->
                ProcessHandle.of(worker.pid().getAsLong())
                    .flatMap(process -> process.info().totalCpuDuration())
                    .orElseThrow()
                    .toNanos())
            .sum();
  }

  private static double privateMegabytes(ProcessPool pool) throws IOException {
    long pid = pool.workers().getLast().pid().getAsLong();
    Path rollup = Path.of("/proc", "" + pid, "smaps_rollup");
    if (!Files.exists(rollup)) {
      return 0;
    }
    long kilobytes = 0;
    for (String line : Files.readAllLines(rollup)) {
      if (line.startsWith("Private_Dirty:")) {
        kilobytes += Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    return kilobytes / 1024.0;
  }

  private static double millisSince(long begin) {
    return (System.nanoTime() - begin) / 1e6;
  }

  private static void print(String name, double value) {
    System.out.println(name + " " + value);
  }
}
