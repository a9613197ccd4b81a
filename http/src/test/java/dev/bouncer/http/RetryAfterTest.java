package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.http.HttpHeaders;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RetryAfterTest {
  private static final Instant NOW = Instant.parse("1994-11-06T08:49:07Z");

  private static Optional<Duration> read(String retryAfter, String date) {
    Map<String, List<String>> headers = new HashMap<>();
    headers.put("retry-after", List.of(retryAfter));
    if (date != null) {
      headers.put("date", List.of(date));
    }
    return RetryAfter.of(HttpHeaders.of(headers, (_, _) -> true), NOW);
  }

  @Test
  void seconds_areRead() {
    assertEquals(Optional.of(Duration.ofSeconds(121)), read("121", null));
    assertEquals(Optional.of(Duration.ZERO), read("0", null));
    assertEquals(Optional.of(Duration.ofSeconds(7)), read(" 0007 ", null));
  }

  @Test
  void secondsBeyondAnyNumber_areVeryLong() {
    Duration read = read("9".repeat(5_000), null).orElseThrow();
    assertEquals(1, read.compareTo(Duration.ofDays(1_000_000)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"
      })
  void everyFormOfDate_isTheTimeUntilThen(String date) {
    assertEquals(Optional.of(Duration.ofSeconds(30)), read(date, null));
  }

  @Test
  void date_isComparedWithTheServersOwnClock() {
    assertEquals(
        Optional.of(Duration.ofSeconds(10)),
        read("Sun, 06 Nov 1994 12:00:10 GMT", "Sun, 06 Nov 1994 12:00:00 GMT"));
  }

  @Test
  void dateInThePast_isZero() {
    assertEquals(Optional.of(Duration.ZERO), read("Sun, 06 Nov 1994 08:00:00 GMT", null));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "soon", "-5", "1.5", "Sun, 99 Nov 1994 08:49:37 GMT", "１２"})
  void nonsense_isNothing(String text) {
    assertEquals(Optional.empty(), read(text, null));
  }

  @Test
  void noHeader_isNothing() {
    assertEquals(Optional.empty(), RetryAfter.of(HttpHeaders.of(Map.of(), (_, _) -> true), NOW));
  }
}
