package dev.bouncer.cli.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

final class ProgressTest {
  @Test
  void line_withUnknownTotal_saysWhatIsKnown() {
    assertEquals(
        "bouncer: 20 done, 4 running, 10.0/s, 0:02",
        Progress.line(
            new Tally.Snapshot(24, 20, 0, List.of()),
            4,
            OptionalLong.empty(),
            Duration.ofSeconds(2)));
  }

  @Test
  void line_withTotal_tellsHowLongItTakes() {
    assertEquals(
        "bouncer: 1,000 of 4,000 done, 100 failed, 8 running, 10.0/s, 1:40, 5:00 left",
        Progress.line(
            new Tally.Snapshot(1008, 900, 100, List.of()),
            8,
            OptionalLong.of(4000),
            Duration.ofSeconds(100)));
  }
}
