package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.AdaptiveLimiter;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import dev.bouncer.RateLimiter;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** In virtual time, against a server that counts the calls it took in the last second. */
final class AdaptiveHostTest {
  private static final long SECOND = 1_000_000_000L;
  private static final long LATENCY = 5_000_000;

  private long now = Long.MAX_VALUE - SECOND; // wraps soon: only differences may matter
  private final AdaptiveHost host =
      new AdaptiveHost(
          AdaptiveLimiter.create(), RateLimiter.of(1, Duration.ofSeconds(1)), () -> now);
  private final ArrayDeque<Long> taken = new ArrayDeque<>();
  private int answered;
  private int refused;

  /** What the limits are told of a call that ended so. */
  private static Outcome end(ObservedLimiter.Return call, Outcome outcome) {
    AtomicReference<Outcome> told = new AtomicReference<>(Outcome.UNUSED);
    call.of(
        new Permit() {
          @Override
          public int weight() {
            return 1;
          }

          @Override
          public void close() {
            close(Outcome.SUCCESS);
          }

          @Override
          public void close(Outcome learned) {
            told.set(learned);
          }
        },
        outcome);
    return told.get();
  }

  /** Calls as fast as the pace allows, one after the other. */
  private void callFor(int seconds, int capacity) {
    answered = 0;
    refused = 0;
    long end = now + seconds * SECOND;
    while (now - end < 0) {
      ObservedLimiter.Return call = host.sent();
      now += Math.max(LATENCY, Math.round(SECOND / host.perSecond()));
      while (!taken.isEmpty() && now - taken.peek() >= SECOND) {
        taken.remove();
      }
      if (taken.size() < capacity) {
        taken.add(now);
        answered++;
        end(call, Outcome.SUCCESS);
      } else {
        refused++;
        assertEquals(Outcome.IGNORED, end(call, Outcome.DROPPED), "one call alone is not too many");
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
  void nothingRefused_paceGrowsUntilItHoldsNothingBack() {
    callFor(5, 1_000_000);
    callFor(10, 1_000_000);
    assertEquals(10 * SECOND / LATENCY, answered);
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 50, 150})
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
    assertTrue(refused < 30, () -> "refused: " + refused);
    callFor(60, 50);
    callFor(10, 50);
    assertFound(10, 50);
  }

  /** So many calls at once, all of which are answered. */
  private void answeredAtOnce(int calls) {
    List<ObservedLimiter.Return> sent = new ArrayList<>();
    for (int i = 0; i < calls; i++) {
      sent.add(host.sent());
    }
    now += LATENCY;
    sent.forEach(call -> end(call, Outcome.SUCCESS));
    now += SECOND / 4;
  }

  @Test
  void refusal_moreAtOnceThanEver_isThePlaces() {
    answeredAtOnce(2);
    double before = host.perSecond();
    List<ObservedLimiter.Return> sent = List.of(host.sent(), host.sent(), host.sent());
    assertEquals(Outcome.DROPPED, end(sent.getLast(), Outcome.DROPPED));
    assertEquals(before, host.perSecond());
  }

  @Test
  void refusal_asManyAtOnceAsWereAnswered_isThePace() {
    for (int i = 0; i < 4; i++) {
      answeredAtOnce(3);
    }
    double before = host.perSecond();
    List<ObservedLimiter.Return> sent = List.of(host.sent(), host.sent(), host.sent());
    assertEquals(Outcome.IGNORED, end(sent.getLast(), Outcome.DROPPED));
    assertTrue(host.perSecond() < before, () -> "pace: " + host.perSecond());
  }

  @Test
  void refusal_sentBeforeTheLastOneWasKnown_isAnEcho() {
    ObservedLimiter.Return first = host.sent();
    ObservedLimiter.Return second = host.sent();
    now += LATENCY;
    assertEquals(Outcome.IGNORED, end(first, Outcome.DROPPED));
    double after = host.perSecond();
    now += LATENCY;
    assertEquals(Outcome.IGNORED, end(second, Outcome.DROPPED));
    assertEquals(after, host.perSecond());
  }
}
