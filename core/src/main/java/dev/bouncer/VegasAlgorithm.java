package dev.bouncer;

/** {@link LimitAlgorithm#vegas}. */
final class VegasAlgorithm implements LimitAlgorithm {
  /** How many windows a shortest mean is believed. */
  private static final int BELIEVED = 300;

  private double shortest = Double.POSITIVE_INFINITY;
  private double shortestLately = Double.POSITIVE_INFINITY;
  private int windows;

  @Override
  public double propose(Window window) {
    // A mean is only believed as far as chance cannot explain it; or the shortest of many would
    // always be shorter than the others, and the limit would sink.
    double error = window.standardError().toNanos();
    double mean = Math.max(window.mean().toNanos() - error, 1);
    double atMost = Math.max(window.mean().toNanos() + error, 1);
    shortestLately = Math.min(shortestLately, atMost);
    if (++windows % BELIEVED == 0) {
      shortest = shortestLately;
      shortestLately = Double.POSITIVE_INFINITY;
    }
    shortest = Math.min(shortest, atMost);
    double limit = window.limit();
    double queued = limit * (1 - shortest / mean);
    double digits = Math.log10(limit);
    if (queued < Math.max(2, 3 * digits)) {
      return limit + Math.max(1, digits);
    }
    return queued > Math.max(4, 6 * digits) ? limit - Math.max(1, digits) : limit;
  }
}
