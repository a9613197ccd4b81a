package dev.bouncer;

import java.time.Duration;
import java.util.Objects;

/**
 * How fast units may be spent: {@code permits} in every {@code period}, evenly spread, and at most
 * {@code burst} at once after a pause.
 *
 * <p>In any interval of length {@code d} at most {@code burst + permits × d / period} units are
 * spent, and what those in line missed while the machine was too busy to wake them up, at most 100
 * milliseconds' worth. With a burst of 1, the default, one unit comes every {@code period /
 * permits}: what an API means that allows "100 a second". A larger burst lets those in at once who
 * come after a pause, and is the heaviest weight that one permit may have.
 *
 * @param permits how many units come in every period, at least 1
 * @param period the length of a period, more than zero
 * @param burst how many units can be saved up, at least 1; to save them up from nothing must take
 *     no more than 100 years
 */
public record Bandwidth(int permits, Duration period, int burst) {
  /** The longest time in which a burst may be saved up; fits into a long twice. */
  static final Duration LONGEST_FILL = Duration.ofDays(36_500);

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  public Bandwidth {
    Objects.requireNonNull(period, "period");
    if (permits < 1) {
      throw new IllegalArgumentException("permits must be at least 1: permits=" + permits);
    }
    if (period.isZero() || period.isNegative()) {
      throw new IllegalArgumentException("period must be more than zero: period=" + period);
    }
    if (burst < 1) {
      throw new IllegalArgumentException("burst must be at least 1: burst=" + burst);
    }
    if (period.compareTo(LONGEST_FILL) > 0
        || period.dividedBy(permits).compareTo(LONGEST_FILL.dividedBy(burst)) > 0) {
      throw new IllegalArgumentException(
          "burst must be saved up within 100 years: permits=%d period=%s burst=%d"
              .formatted(permits, period, burst));
    }
  }

  /**
   * Describes units that come one by one.
   *
   * @param permits how many units come in every period, at least 1
   * @param period the length of a period, more than zero
   * @return a bandwidth with a burst of 1
   * @throws IllegalArgumentException if a number is out of its range
   */
  public static Bandwidth of(int permits, Duration period) {
    return new Bandwidth(permits, period, 1);
  }

  /**
   * Describes the same bandwidth with another burst.
   *
   * @param burst how many units can be saved up, at least 1
   * @return a new bandwidth
   * @throws IllegalArgumentException if the burst is out of its range
   */
  public Bandwidth withBurst(int burst) {
    return new Bandwidth(permits, period, burst);
  }
}
