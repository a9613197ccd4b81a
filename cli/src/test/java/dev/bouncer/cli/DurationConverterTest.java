package dev.bouncer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

final class DurationConverterTest {
  private final DurationConverter converter = new DurationConverter();

  @ParameterizedTest
  @CsvSource({
    "500ms, PT0.5S",
    "1.5s, PT1.5S",
    "30, PT30S",
    "0.001, PT0.001S",
    "5m, PT5M",
    "2h, PT2H",
    "1d, PT24H",
    "999999999999d, PT23999999999976H",
    "0.000000001s, PT0.000000001S"
  })
  void time_asPeopleWriteIt_isRead(String text, Duration expected) {
    assertEquals(expected, converter.convert(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "s", "-1s", "0", "0.0ms", "1 s", "1.s", ".5s", "1e3", "5x", "1s1s", "NaN", "٣s"
      })
  void anythingElse_isRefused(String text) {
    assertThrows(TypeConversionException.class, () -> converter.convert(text));
  }

  @Test
  void refusal_namesTheValue() {
    TypeConversionException refused =
        assertThrows(TypeConversionException.class, () -> converter.convert("5x"));
    assertEquals(
        "time must be like 500ms, 30s, 1.5m, 2h, or a number of seconds: '5x'",
        refused.getMessage());
  }
}
