package dev.bouncer.http;

import java.net.http.HttpHeaders;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Reads {@code Retry-After} (RFC 9110, section 10.2.3): a number of seconds, or a date in one of
 * the three forms of section 5.6.7. A date is compared with the {@code Date} of the same answer, if
 * there is one, so that the two clocks need not agree.
 */
final class RetryAfter {
  private static final int MOST_DIGITS = 12;

  private RetryAfter() {}

  /**
   * Returns how long the server asks to be left alone, zero if that is over; empty if it asks for
   * nothing or for nothing that can be read.
   */
  static Optional<Duration> of(HttpHeaders headers, Instant now) {
    return headers
        .firstValue("Retry-After")
        .map(String::strip)
        .flatMap(text -> isNumber(text) ? seconds(text) : untilDate(text, headers, now));
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private static Optional<Duration> seconds(String digits) {
    String significant = digits.replaceFirst("^0+(?=.)", "");
    boolean endless = significant.length() > MOST_DIGITS;
    return Optional.of(
        Duration.ofSeconds(endless ? Long.MAX_VALUE / 4 : Long.parseLong(significant)));
  }

  private static Optional<Duration> untilDate(String text, HttpHeaders headers, Instant now) {
    Instant sent = headers.firstValue("Date").flatMap(date -> date(date.strip(), now)).orElse(now);
    return date(text, now)
        .map(until -> Duration.between(sent, until))
        .map(wait -> wait.isNegative() ? Duration.ZERO : wait);
  }

  private static Optional<Instant> date(String text, Instant now) {
    for (DateTimeFormatter form : forms(now)) {
      try {
        return Optional.of(ZonedDateTime.parse(text, form).toInstant());
      } catch (DateTimeException anotherForm) {
        // The next one may fit.
      }
    }
    return Optional.empty();
  }

  private static List<DateTimeFormatter> forms(Instant now) {
    LocalDate fiftyYearsAgo = now.atZone(ZoneOffset.UTC).toLocalDate().minusYears(50);
    DateTimeFormatter rfc850 =
        new DateTimeFormatterBuilder()
            .parseCaseInsensitive()
            .appendPattern("EEEE, dd-MMM-")
            .appendValueReduced(ChronoField.YEAR, 2, 2, fiftyYearsAgo)
            .appendPattern(" HH:mm:ss 'GMT'")
            .toFormatter(Locale.US)
            .withZone(ZoneOffset.UTC);
    DateTimeFormatter asctime =
        new DateTimeFormatterBuilder()
            .parseCaseInsensitive()
            .appendPattern("EEE MMM ppd HH:mm:ss uuuu")
            .toFormatter(Locale.US)
            .withZone(ZoneOffset.UTC);
    return List.of(DateTimeFormatter.RFC_1123_DATE_TIME, rfc850, asctime);
  }
}
