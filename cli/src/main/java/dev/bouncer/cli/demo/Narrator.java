package dev.bouncer.cli.demo;

import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** Tells what happens, line by line with the time since the beginning, or keeps silent. */
final class Narrator {
  private final PrintWriter out;
  private final boolean silent;
  private final Instant start = Instant.now();

  Narrator(PrintWriter out, boolean silent) {
    this.out = out;
    this.silent = silent;
  }

  void say(String line) {
    if (!silent) {
      out.println(line);
      out.flush();
    }
  }

  void sayNow(String event) {
    sayOf(Instant.now(), event);
  }

  /** Tells of something that happened at that time. */
  void sayOf(Instant when, String event) {
    double seconds = Duration.between(start, when).toNanos() / 1e9;
    say(String.format(Locale.ROOT, "%7.3f s  %s", seconds, event));
  }
}
