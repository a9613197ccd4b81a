package dev.bouncer.benchmarks;

import dev.bouncer.Task;
import dev.bouncer.process.ProcessPool;
import dev.bouncer.process.WorkerOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;

/** What {@link ProcessSuite} measures of Bouncer's process pool. */
public final class ProcessPoolProgram {
  private static final int WARM_UP_ROUNDS = 4;

  /** How long round trips go on before they are measured: both sides adapt to what runs. */
  private static final long SETTLING_NANOS = 300_000_000;

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
      WorkerDeaths.own();
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
    megabyteByHandle(pool);
    WorkerDeaths.kill(pool);
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
    WorkerDeaths.timeout();
    WorkerDeaths.orphan();
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
    print("map", bestMap(pool, square, inputs, 8_192));
    for (int each : new int[] {100, 1_000}) {
      int batches = 4_000_000 / each;
      List<long[]> longs = Collections.nCopies(batches, LongStream.range(0, each).toArray());
      print("map" + each, each * bestMap(pool, ProcessPoolProgram::squares, longs, 256));
    }
  }

  /** Returns how many inputs are mapped a second; the best of three runs. */
  private static <T> double bestMap(ProcessPool pool, Task<T, ?> task, List<T> inputs, int buffer) {
    double best = 0;
    for (int i = 0; i < 3; i++) {
      long begin = System.nanoTime();
      try (var results = pool.mapping(task).buffer(buffer).over(inputs)) {
        if (results.count() != inputs.size()) {
          throw new IllegalStateException("results are missing");
        }
      }
      best = Math.max(best, inputs.size() * 1e9 / (System.nanoTime() - begin));
    }
    return best;
  }

  private static long[] squares(long[] numbers) {
    long[] squares = new long[numbers.length];
    for (int i = 0; i < squares.length; i++) {
      squares[i] = numbers[i] * numbers[i];
    }
    return squares;
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
    for (long start = System.nanoTime(); System.nanoTime() - start < SETTLING_NANOS; ) {
      pool.submit(square, 1L).get();
    }
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

  /** One megabyte in a file that the pool and its workers map: only its name is sent. */
  private static void megabyteByHandle(ProcessPool pool) throws Exception {
    Path shared = Path.of("/dev/shm");
    Path file =
        Files.createTempFile(
            Files.isDirectory(shared) ? shared : Path.of(System.getProperty("java.io.tmpdir")),
            "bouncer-bench-",
            "");
    try {
      Files.write(file, new byte[1 << 20]);
      Task<String, Integer> look = name -> mapped(name).remaining();
      String name = file.toString();
      long[] nanos = new long[5_000];
      for (int i = 0; i < nanos.length; i++) {
        long begin = System.nanoTime();
        if (pool.submit(look, name).get() != 1 << 20) {
          throw new IllegalStateException("the megabyte is not whole");
        }
        nanos[i] = System.nanoTime() - begin;
      }
      Arrays.sort(nanos);
      print("mb_handle_us", nanos[nanos.length / 2] / 1e3);
    } finally {
      Files.delete(file);
    }
  }

  private static final Map<String, ByteBuffer> MAPPED = new ConcurrentHashMap<>();

  /** Maps a file at its first use in a worker. */
  private static ByteBuffer mapped(String name) {
    return MAPPED
        .computeIfAbsent(
            name,
            file -> {
              try (FileChannel channel = FileChannel.open(Path.of(file))) {
                return channel.map(MapMode.READ_ONLY, 0, channel.size());
              } catch (IOException failure) {
                throw new UncheckedIOException(failure);
              }
            })
        .duplicate();
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

  static double millisSince(long begin) {
    return (System.nanoTime() - begin) / 1e6;
  }

  static void print(String name, double value) {
    System.out.println(name + " " + value);
  }
}
