package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class AdaptivePaceTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void refused_afterASecondWithoutAnswers_cutsThePaceByLittle() {
    AdaptivePace pace = new AdaptivePace(0);
    assertEquals(20, pace.perSecond());
    pace.refused(2 * SECOND, true);
    assertEquals(4, pace.perSecond(), "one call at a time asks whether the server is ready");
    pace.answered(3 * SECOND, 4 * SECOND, false);
    assertEquals(20 * 0.8 * 0.95, pace.perSecond(), 1e-9);
  }
}
