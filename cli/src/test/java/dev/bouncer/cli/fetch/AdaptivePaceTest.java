package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** In virtual time, against a server that counts the calls it took in the last second. */
final class AdaptivePaceTest {
  private static final long SECOND = 1_000_000_000L;
  private static final long LATENCY = 5_000_000;

  private long now = 42;
  private final AdaptivePace pace = new AdaptivePace(() -> now);
  private final ArrayDeque<Long> taken = new ArrayDeque<>();
  private int answered;
  private int refused;

  /** Calls as fast as the pace allows, one after the other. */
  private void callFor(int seconds, int capacity) {
    answered = 0;
    refused = 0;
    long end = now + seconds * SECOND;
    while (now < end) {
      now += Math.max(LATENCY, Math.round(SECOND / pace.perSecond()));
      while (!taken.isEmpty() && taken.peek() <= now - SECOND) {
        taken.remove();
      }
      if (taken.size() < capacity) {
        taken.add(now);
        answered++;
        pace.answered();
      } else {
        refused++;
        pace.refused();
      }
    }
  }

  private void assertFound(int seconds, int capacity) {
    double rate = answered / (double) seconds;
    assertTrue(rate >= 0.8 * capacity, () -> "answered a second: " + rate + " of " + capacity);
    assertTrue(
        refused < 0.02 * (answered + refused), () -> "refused " + refused + " of " + answered);
  }

  @Test
  void nothingRefused_noPace() {
    callFor(10, 1_000_000);
    assertEquals(Double.POSITIVE_INFINITY, pace.perSecond());
    assertEquals(10 * SECOND / LATENCY, answered);
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 50, 150})
  void capacity_isFound_andFoundAgainWhenItIsHalvedOrDoubled(int capacity) {
    callFor(5, capacity);
    callFor(30, capacity);
    assertFound(30, capacity);
    callFor(5, capacity / 2);
    callFor(30, capacity / 2);
    assertFound(30, capacity / 2);
    callFor(60, capacity);
    callFor(30, capacity);
    assertFound(30, capacity);
  }

  @Test
  void outage_isSurvivedAndHealed() {
    callFor(10, 50);
    callFor(60, 0);
    assertTrue(refused < 60 * 10, () -> "refused: " + refused);
    callFor(60, 50);
    callFor(10, 50);
    assertFound(10, 50);
  }
}
