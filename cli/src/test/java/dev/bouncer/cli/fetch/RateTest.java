package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

@Timeout(60)
final class RateTest {
  private final Rate.Converter converter = new Rate.Converter();

  @ParameterizedTest
  @CsvSource({
    "50/s, 50, PT1S",
    "300/m, 300, PT1M",
    "10/2s, 10, PT2S",
    "1/100ms, 1, PT0.1S",
    "1/36500d, 1, PT876000H"
  })
  void convert_whatPeopleWrite_isCountAndPeriod(String text, int count, Duration period) {
    assertEquals(new Rate(count, period), converter.convert(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"0/s", "50", "50/", "/s", "-1/s", "1.5/s", "50/y", "9999999999/s", "1/36501d", ""})
  void convert_whatIsNoRate_isRefused(String text) {
    assertThrows(TypeConversionException.class, () -> converter.convert(text));
  }

  @ParameterizedTest
  @CsvSource({"50/s, PT1.015S", "300/m, PT1M0.2S", "1000/h, PT1H0.2S", "10/100ms, PT0.1015S"})
  void window_isALittleLonger_soThatALateCallIsNotOneTooMany(String text, Duration window) {
    assertEquals(window, converter.convert(text).window());
  }

  @ParameterizedTest
  @CsvSource({"50/s, PT0.95S", "300/m, PT59.95S", "1000/h, PT59M59.95S", "10/100ms, PT0.095S"})
  void pace_isALittleFaster_soThatADelayCanBeMadeUpFor(String text, Duration pace) {
    assertEquals(pace, converter.convert(text).pace());
  }
}
