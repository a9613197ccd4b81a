package dev.bouncer;

/** {@link LimitAlgorithm#gradient2}. */
final class Gradient2Algorithm implements LimitAlgorithm {
  /** The work may take so much longer than usual. */
  private static final double TOLERANCE = 1.5;

  private static final double GROW = 0.2;
  private static final double SHRINK = 0.4;
  private static final double LEARN = 0.1;

  /** After so many windows one at half the limit shows how long the work takes when it is light. */
  private static final int BETWEEN_MEASUREMENTS = 100;

  private double usual = Double.NaN;
  private int windows;
  private double limitBefore = Double.NaN;

  @Override
  public double propose(Window window) {
    double mean = Math.max(window.mean().toNanos(), 1);
    if (!Double.isNaN(limitBefore)) {
      double resumed = limitBefore;
      limitBefore = Double.NaN;
      usual = mean;
      return Math.max(resumed, window.limit());
    }
    double error = window.standardError().toNanos();
    double atMost = mean + error;
    usual = Double.isNaN(usual) ? atMost : Math.min(usual, usual + (atMost - usual) * LEARN);
    double limit = window.limit();
    if (++windows % BETWEEN_MEASUREMENTS == 0) {
      limitBefore = limit;
      return limit / 2;
    }
    double gradient = Math.clamp(TOLERANCE * usual / mean, 0.5, 1.0);
    return gradient < 1
        ? limit + (limit * gradient - limit) * SHRINK
        : limit + Math.sqrt(limit) * GROW;
  }
}
