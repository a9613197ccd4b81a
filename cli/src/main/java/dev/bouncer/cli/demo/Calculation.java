package dev.bouncer.cli.demo;

import java.io.Serializable;
import java.time.Instant;

/**
 * What a worker process reports about one calculation.
 *
 * @param number what it was about
 * @param pid the process that did it
 * @param start when it began, by the clock of the machine
 * @param end when it was done
 * @param result what came out
 */
record Calculation(int number, long pid, Instant start, Instant end, long result)
    implements Serializable {

  /**
   * Squares a number the hard way: after very many processor steps, each of which needs the one
   * before.
   */
  static Calculation ofSquare(int number, long steps) {
    Instant start = Instant.now();
    long state = number + 1L;
    for (long i = 0; i < steps; i++) { // xorshift, Marsaglia 2003; it never comes to zero
      state ^= state << 13;
      state ^= state >>> 7;
      state ^= state << 17;
    }
    long result = state == 0 ? -1 : (long) number * number;
    return new Calculation(number, ProcessHandle.current().pid(), start, Instant.now(), result);
  }
}
