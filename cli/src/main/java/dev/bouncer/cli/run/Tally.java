package dev.bouncer.cli.run;

import dev.bouncer.cli.child.Ending;
import java.util.ArrayList;
import java.util.List;

/** Counts how jobs ended and remembers the first failures. Thread-safe. */
final class Tally {
  private static final int FAILURES_NAMED = 10;

  private final List<String> named = new ArrayList<>();
  private long started;
  private long succeeded;
  private long failed;

  synchronized void started() {
    started++;
  }

  synchronized void ended(Input input, Ending ending) {
    if (ending.isSuccess()) {
      succeeded++;
      return;
    }
    failed++;
    if (named.size() < FAILURES_NAMED) {
      named.add(ending.describe() + ": " + input);
    }
  }

  synchronized Snapshot snapshot() {
    return new Snapshot(started, succeeded, failed, List.copyOf(named));
  }

  /** The counts of one moment. */
  record Snapshot(long started, long succeeded, long failed, List<String> failures) {
    long ended() {
      return succeeded + failed;
    }

    /** Returns the lines that tell which jobs failed, none if none did. */
    List<String> summary() {
      if (failed == 0) {
        return List.of();
      }
      List<String> lines = new ArrayList<>();
      lines.add("bouncer: %,d of %,d jobs failed:".formatted(failed, ended()));
      failures.forEach(failure -> lines.add("  " + failure));
      if (failed > failures.size()) {
        lines.add("  ... and %,d more".formatted(failed - failures.size()));
      }
      return lines;
    }
  }
}
