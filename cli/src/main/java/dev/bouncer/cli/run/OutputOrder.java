package dev.bouncer.cli.run;

import dev.bouncer.Permit;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * Puts the outputs of jobs on the console in the order of their inputs.
 *
 * <p>Each job brings the permit with which it entered the window of jobs that may be ahead of the
 * slowest one; the permit goes back when the output has been written. So the window's limit bounds
 * what is kept.
 */
final class OutputOrder {
  private record Finished(JobOutput output, Permit place) {}

  private final Console console;
  private final Map<Long, Finished> waiting = new HashMap<>();
  private long next;

  OutputOrder(Console console) {
    this.console = console;
  }

  /**
   * Takes the output of the job with this number, the first of which is 0, and writes whatever is
   * in turn.
   */
  synchronized void finished(long number, JobOutput output, Permit place) throws IOException {
    waiting.put(number, new Finished(output, place));
    for (Finished first = waiting.remove(next); first != null; first = waiting.remove(next)) {
      next++;
      try (first.place;
          JobOutput inTurn = first.output) {
        console.write(inTurn);
      }
    }
  }
}
