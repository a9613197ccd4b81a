package dev.bouncer.redis;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The real script and the real client under random schedules and faults, in simulated time. After
 * every single event: no more valid permits than the limit, and Redis's books add up. After the
 * faults: everything resumes, and nothing is lost.
 */
class SimulationTest {

  /** A seed that fails is run again with a trace, which the failure names. */
  private static List<CompletableFuture<?>> explore(long firstSeed, int seeds, int steps) {
    List<CompletableFuture<?>> losses = new ArrayList<>();
    for (long seed = firstSeed; seed < firstSeed + seeds; seed++) {
      Scenario scenario = new Scenario(seed, null);
      try {
        scenario.run(steps);
      } catch (Throwable failed) {
        throw new AssertionError("seed=" + seed + " trace=" + trace(seed, steps), failed);
      }
      losses.addAll(scenario.losses);
    }
    return losses;
  }

  private static Path trace(long seed, int steps) {
    Path file = Path.of("target", "simulation-" + seed + ".txt");
    try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
      try {
        new Scenario(seed, out::println).run(steps);
        out.println("it did not fail again");
      } catch (Throwable failed) {
        failed.printStackTrace(out);
      }
    } catch (IOException unwritable) {
      throw new UncheckedIOException(unwritable);
    }
    return file;
  }

  @Test
  void randomFaults_neverMoreValidPermitsThanTheLimitAndNothingIsLostForGood() {
    var _ = explore(1, 5, 100);
  }

  @Test
  @Tag("deep")
  void randomFaults_manySeeds_neverMoreValidPermitsThanTheLimitAndNothingIsLostForGood() {
    List<CompletableFuture<?>> losses = explore(10_000, 1_500, 300);
    // The faults are hard enough for permits to be lost now and then; threads of their own tell.
    CompletableFuture.anyOf(losses.toArray(CompletableFuture[]::new))
        .orTimeout(30, TimeUnit.SECONDS)
        .join();
  }
}
