package dev.bouncer.cli.demo;

import java.io.Serializable;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a worker process reports about one calculation.
 *
 * @param pid the process that did it
 * @param start when it began, by the clock of the machine
 * @param end when it was done
 * @param result what came out
 */
record Calculation(long pid, Instant start, Instant end, long result) implements Serializable {

  /**
   * Squares a number the hard way: with very many processor steps, each of which needs the one before.
   *
   * @param narrated the beginning of the demo if start and end are to be told, else null
   */
  static Calculation ofSquare(
      int number, long steps, @Nullable Instant narrated) {
    long pid = ProcessHandle.current().pid();
    Instant start = Instant.now();
    tell(narrated, "pid " + pid + " starts calculation " + number);
    long state = number;
    for (long i = 0; i < steps; i++) {
      state = state * 6_364_136_223_846_793_005L + 1_442_695_040_888_963_407L; // Knuth's MMIX
    }
    long result = (long) number * number + (state == Long.MIN_VALUE ? state : 0);
    tell(narrated, "pid " + pid + " is done with " + number + ": " + result);
    return new Calculation(pid, start, Instant.now(), result);
  }

  private static void tell(
      @Nullable Instant demoStart, String event) {
    if (demoStart != null) {
      System.out.println(Narrator.timed(demoStart, event));
    }
  }
}
