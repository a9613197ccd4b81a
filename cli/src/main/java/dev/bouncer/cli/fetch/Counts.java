package dev.bouncer.cli.fetch;

import dev.bouncer.http.AttemptEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.HdrHistogram.Histogram;

/** Counts what became of URLs and attempts, and remembers the first failures. Thread-safe. */
final class Counts {
  private static final int FAILURES_NAMED = 10;
  private static final long LONGEST_MICROS = Duration.ofHours(24).toNanos() / 1_000;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int SERVICE_UNAVAILABLE = 503;

  private final Map<Integer, Long> statuses = new TreeMap<>();
  private final List<String> failures = new ArrayList<>();

  /** Microseconds that attempts with a response took. */
  private final Histogram latency = new Histogram(1, LONGEST_MICROS, 3);

  private long fetched;
  private long failed;
  private long unanswered;
  private long found;
  private long repeated;
  private long bytes;
  private long attempts;
  private long refused;
  private long underWay;

  synchronized void begun() {
    underWay++;
  }

  synchronized void cutOff() {
    underWay--;
  }

  synchronized void attempted(AttemptEvent event) {
    attempts++;
    int status = event.status().orElse(0);
    if (status == TOO_MANY_REQUESTS || status == SERVICE_UNAVAILABLE) {
      refused++;
    }
    if (event.status().isPresent()) {
      latency.recordValue(Math.clamp(event.took().toNanos() / 1_000, 1, LONGEST_MICROS));
    }
  }

  /** A URL whose body came in an earlier run. */
  synchronized void found() {
    found++;
  }

  /** A URL that was listed before in this run. */
  synchronized void repeated() {
    repeated++;
  }

  /** A URL that was begun has ended. */
  synchronized void ended(Entry entry) {
    underWay--;
    count(entry);
  }

  /** A URL has ended that never began. */
  synchronized void count(Entry entry) {
    if (entry.status().isPresent()) {
      statuses.merge(entry.status().getAsInt(), 1L, Long::sum);
    } else {
      unanswered++;
    }
    if (entry.ok()) {
      fetched++;
      bytes += entry.bytes().orElse(0);
      return;
    }
    failed++;
    if (failures.size() < FAILURES_NAMED) {
      String from = entry.redirectedTo() == null ? "" : " -> " + entry.redirectedTo();
      failures.add(Url.printable(entry.error() + ": " + entry.url() + from));
    }
  }

  synchronized long underWay() {
    return underWay;
  }

  synchronized long done() {
    return fetched + failed + found + repeated;
  }

  synchronized boolean hasFailures() {
    return failed > 0;
  }

  synchronized String status(OptionalLong total, Duration elapsed) {
    long ended = fetched + failed;
    StringBuilder line = new StringBuilder("bouncer: %,d".formatted(done()));
    total.ifPresent(all -> line.append(" of %,d".formatted(all)));
    line.append(" done");
    if (failed > 0) {
      line.append(", %,d failed".formatted(failed));
    }
    if (refused > 0) {
      line.append(", %,d refused".formatted(refused));
    }
    double rate = ended / (elapsed.toNanos() / 1e9);
    line.append(", %,d under way, %.1f/s".formatted(underWay, rate));
    line.append(", %d:%02d".formatted(elapsed.toMinutes(), elapsed.toSecondsPart()));
    if (total.isPresent() && ended > 0) {
      long left = (long) Math.ceil((total.getAsLong() - done()) / rate);
      line.append(", %d:%02d left".formatted(left / 60, left % 60));
    }
    return line.toString();
  }

  /** Returns the lines that tell how it all went. */
  synchronized List<String> summary(Duration elapsed) {
    List<String> lines = new ArrayList<>();
    double seconds = elapsed.toNanos() / 1e9;
    StringBuilder first =
        new StringBuilder("bouncer: %,d fetched, %,d failed".formatted(fetched, failed));
    if (found > 0) {
      first.append(", %,d here already".formatted(found));
    }
    if (repeated > 0) {
      first.append(", %,d listed again".formatted(repeated));
    }
    first.append(
        " in %.1f s (%.1f/s, %s)".formatted(seconds, (fetched + failed) / seconds, amount(bytes)));
    lines.add(first.toString());
    if (attempts > 0) {
      String byStatus =
          statuses.entrySet().stream()
              .map(status -> "%d: %,d".formatted(status.getKey(), status.getValue()))
              .collect(Collectors.joining(", "));
      lines.add(
          "  status %s%s"
              .formatted(
                  byStatus.isEmpty() ? "none" : byStatus,
                  unanswered > 0 ? ", no answer: %,d".formatted(unanswered) : ""));
      lines.add(
          "  %,d attempts, %,d refused (429 or 503), time of one: %s"
              .formatted(attempts, refused, percentiles()));
    }
    if (!failures.isEmpty()) {
      lines.add("  failed:");
      failures.forEach(failure -> lines.add("    " + failure));
      if (failed > failures.size()) {
        lines.add("    ... and %,d more".formatted(failed - failures.size()));
      }
    }
    return lines;
  }

  private String percentiles() {
    if (latency.getTotalCount() == 0) {
      return "unknown";
    }
    return "p50 %s, p90 %s, p99 %s, longest %s"
        .formatted(
            time(latency.getValueAtPercentile(50)),
            time(latency.getValueAtPercentile(90)),
            time(latency.getValueAtPercentile(99)),
            time(latency.getMaxValue()));
  }

  private static String time(long micros) {
    return micros < 10_000
        ? "%.1f ms".formatted(micros / 1e3)
        : micros < 1_000_000 ? "%d ms".formatted(micros / 1_000) : "%.1f s".formatted(micros / 1e6);
  }

  private static String amount(long bytes) {
    return bytes < 10_000
        ? bytes + " bytes"
        : bytes < 10_000_000 ? "%.1f kB".formatted(bytes / 1e3) : "%.1f MB".formatted(bytes / 1e6);
  }
}
