package dev.bouncer.cli.run;

import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.IntSupplier;

/** Keeps the status line of a terminal up to date, ten times a second, until it is closed. */
public final class Progress implements AutoCloseable {
  private static final Duration FIRST = Duration.ofMillis(300); // short runs need no status
  private static final Duration PERIOD = Duration.ofMillis(100);

  private final Console console;
  private final Function<Duration, String> line;
  private final IntSupplier width;
  private final long start = System.nanoTime();
  private final CountDownLatch end = new CountDownLatch(1);

  /**
   * Makes the status line.
   *
   * @param console shows it
   * @param line returns what to show after so much time
   * @param width returns the number of columns
   */
  public Progress(Console console, Function<Duration, String> line, IntSupplier width) {
    this.console = console;
    this.line = line;
    this.width = width;
  }

  /** Starts showing it, unless it is closed soon. */
  public void start() {
    var _ = Thread.ofPlatform().daemon().name("progress").start(this::show);
  }

  private void show() {
    try {
      Duration pause = FIRST;
      while (!end.await(pause.toNanos(), TimeUnit.NANOSECONDS)) {
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        String text = line.apply(elapsed);
        int columns = Math.max(1, width.getAsInt() - 1);
        console.status(text.length() <= columns ? text : text.substring(0, columns));
        pause = PERIOD;
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  static String line(Tally.Snapshot counts, int running, OptionalLong total, Duration elapsed) {
    StringBuilder line = new StringBuilder("bouncer: %,d".formatted(counts.ended()));
    total.ifPresent(all -> line.append(" of %,d".formatted(all)));
    line.append(" done");
    if (counts.failed() > 0) {
      line.append(", %,d failed".formatted(counts.failed()));
    }
    line.append(", %,d running".formatted(running));
    double seconds = elapsed.toNanos() / 1e9;
    double rate = counts.ended() / seconds;
    line.append(", %.1f/s".formatted(rate));
    line.append(", %d:%02d".formatted(elapsed.toMinutes(), elapsed.toSecondsPart()));
    if (total.isPresent() && counts.ended() > 0) {
      long left = (long) Math.ceil((total.getAsLong() - counts.ended()) / rate);
      line.append(", %d:%02d left".formatted(left / 60, left % 60));
    }
    return line.toString();
  }

  @Override
  public void close() {
    end.countDown();
    console.endStatus();
  }
}
