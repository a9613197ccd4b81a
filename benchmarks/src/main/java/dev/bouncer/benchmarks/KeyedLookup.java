package dev.bouncer.benchmarks;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.KeyedLimiter;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** L4: a permit of one of 100 busy keys among a million, against a map of semaphores. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 1, jvmArgs = "-Xmx2g")
public class KeyedLookup {
  private static final int KEYS = 1_000_000;
  private static final int BUSY = 100;

  private final String[] busy = new String[BUSY];
  private final KeyedLimiter<String> keyed =
      KeyedLimiter.<String>builder(_ -> AsyncSemaphore.of(5))
          .idleAfter(Duration.ofHours(1))
          .build();
  private final ConcurrentHashMap<String, AsyncSemaphore> map = new ConcurrentHashMap<>();
  private int next;

  /** A million keys that were asked for once; only those that are measured. */
  @Setup(Level.Trial)
  public void fill() {
    for (int i = 0; i < KEYS; i++) {
      String key = "tenant-" + i;
      keyed.forKey(key).tryAcquire().orElseThrow().close();
      map.put(key, AsyncSemaphore.of(5));
      if (i % (KEYS / BUSY) == 0) {
        busy[i / (KEYS / BUSY)] = key;
      }
    }
  }

  private String key() {
    next = next == BUSY - 1 ? 0 : next + 1;
    return busy[next];
  }

  /**
   * One pair through the keyed limiter.
   *
   * @throws InterruptedException never
   */
  @Benchmark
  @SuppressWarnings("EmptyTry")
  public void keyed() throws InterruptedException {
    try (var _ = keyed.forKey(key()).acquire()) {
      // what stands here does not count
    }
  }

  /**
   * One pair through the map.
   *
   * @throws InterruptedException never
   */
  @Benchmark
  @SuppressWarnings("EmptyTry")
  public void map() throws InterruptedException {
    try (var _ = map.get(key()).acquire()) {
      // what stands here does not count
    }
  }

  /**
   * Prints nanoseconds a pair.
   *
   * @param args {@code keyed} or {@code map}
   * @throws Exception if JMH failed
   */
  public static void main(String[] args) throws Exception {
    System.out.println(
        new Runner(
                new OptionsBuilder()
                    .include(KeyedLookup.class.getName() + "." + args[0] + "$")
                    .verbosity(VerboseMode.SILENT)
                    .build())
            .runSingle()
            .getPrimaryResult()
            .getScore());
  }
}
