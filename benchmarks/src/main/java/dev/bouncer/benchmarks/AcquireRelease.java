package dev.bouncer.benchmarks;

import dev.bouncer.benchmarks.SemaphoreContender.Contender;
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
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** S1: one thread takes a free permit and gives it back. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 8, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 4, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class AcquireRelease {
  /** The contender's name. */
  @Param("BOUNCER")
  public String contender = "BOUNCER";

  private Contender semaphore = SemaphoreContender.BOUNCER.create(1);

  /** Makes the contender. */
  @Setup
  public void create() {
    semaphore = SemaphoreContender.valueOf(contender).create(5);
  }

  /**
   * One pair.
   *
   * @throws InterruptedException never
   */
  @Benchmark
  public void pair() throws InterruptedException {
    semaphore.pair();
  }

  /**
   * One pair whose permit is passed on as an object, so that the compiler cannot do without it.
   *
   * @return the permit, closed
   * @throws InterruptedException never
   */
  @Benchmark
  public Object pairOfAnEscapingPermit() throws InterruptedException {
    Object permit = semaphore.acquire();
    semaphore.release(permit);
    return permit;
  }

  /**
   * Prints nanoseconds a pair, or bytes a pair.
   *
   * @param args the method, {@code time} or {@code bytes}, and the contender
   * @throws Exception if JMH failed
   */
  public static void main(String[] args) throws Exception {
    RunResult result =
        new Runner(
                new OptionsBuilder()
                    .include(AcquireRelease.class.getName() + "." + args[0] + "$")
                    .param("contender", args[2])
                    .addProfiler(GCProfiler.class)
                    .verbosity(VerboseMode.SILENT)
                    .build())
            .runSingle();
    System.out.println(
        args[1].equals("time")
            ? result.getPrimaryResult().getScore()
            : result.getSecondaryResults().get("gc.alloc.rate.norm").getScore());
  }
}
