package dev.bouncer.cli.fetch;

import dev.bouncer.cli.DurationConverter;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * So many in a time.
 *
 * @param count how many, at least 1
 * @param period in how long
 */
record Rate(int count, Duration period) {
  /** A call may be on its way for so much longer than the one that takes its place later. */
  private static final Duration LATE = Duration.ofMillis(200);

  private static final int LATE_PERMILLE = 15;

  /** So much of a delay can be made up for in each period. */
  private static final Duration CATCH_UP = Duration.ofMillis(50);

  private static final int CATCH_UP_PERMILLE = 50;

  /** Returns the interval in which no more than the count may be sent: a little more. */
  Duration window() {
    return period.plus(part(LATE_PERMILLE, LATE));
  }

  /**
   * Returns the time over which the count is spread: a little less than the period. If it were the
   * period, whatever was late once would be late to the end.
   */
  Duration pace() {
    return period.minus(part(CATCH_UP_PERMILLE, CATCH_UP));
  }

  private Duration part(int permille, Duration most) {
    Duration part = period.dividedBy(1_000).multipliedBy(permille);
    return part.compareTo(most) < 0 ? part : most;
  }

  /** Reads a rate as people write it: {@code 50/s}, {@code 300/m}, {@code 10/2s}. */
  static final class Converter implements ITypeConverter<Rate> {
    private static final Duration LONGEST = Duration.ofDays(36_500);
    private static final Pattern FORM = Pattern.compile("(\\d{1,9})/(\\d[\\d.]*)?(ms|s|m|h|d)");

    @Override
    public Rate convert(String text) {
      Matcher matcher = FORM.matcher(text);
      if (!matcher.matches() || Integer.parseInt(matcher.group(1)) == 0) {
        throw new TypeConversionException(
            "rate must be like 50/s, 300/m or 10/2s, and above zero: '" + text + "'");
      }
      String number = matcher.group(2) == null ? "1" : matcher.group(2);
      Duration period = new DurationConverter().convert(number + matcher.group(3));
      if (period.compareTo(LONGEST) > 0) {
        throw new TypeConversionException(
            "rate must be for a time of at most " + LONGEST.toDays() + "d: '" + text + "'");
      }
      return new Rate(Integer.parseInt(matcher.group(1)), period);
    }
  }
}
