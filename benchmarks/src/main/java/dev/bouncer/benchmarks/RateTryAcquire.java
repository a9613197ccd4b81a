package dev.bouncer.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** L1: one thread asks a rate limiter whose rate it never reaches. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class RateTryAcquire {
  /** The contender's name. */
  @Param("BOUNCER")
  public String contender = "BOUNCER";

  private RateContender.Contender limiter = RateContender.BOUNCER.create(1);

  /** Makes the contender. */
  @Setup
  public void create() {
    limiter = RateContender.valueOf(contender).create(1_000_000_000);
  }

  /**
   * One try.
   *
   * @return whether there was a permit
   */
  @Benchmark
  public boolean tryAcquire() {
    return limiter.tryAcquire();
  }

  /**
   * Prints nanoseconds a try.
   *
   * @param args the contender
   * @throws Exception if JMH failed
   */
  public static void main(String[] args) throws Exception {
    System.out.println(
        new Runner(
                new OptionsBuilder()
                    .include(RateTryAcquire.class.getName() + ".tryAcquire$")
                    .param("contender", args[0])
                    .verbosity(VerboseMode.SILENT)
                    .build())
            .runSingle()
            .getPrimaryResult()
            .getScore());
  }
}
