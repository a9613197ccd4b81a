package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Limiter;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class SlidingWindowTest {
  @Test
  void callThatEnded_keepsItsPlaceUntilTheIntervalIsOver() {
    try (Limiter window = SlidingWindow.limiter(2, Duration.ofHours(1))) {
      window.tryAcquire().orElseThrow().close();
      window.tryAcquire().orElseThrow().close(Outcome.DROPPED);
      assertTrue(window.tryAcquire().isEmpty());
    }
  }

  @Test
  void callThatWasNeverSent_givesItsPlaceBackAtOnce() {
    try (Limiter window = SlidingWindow.limiter(1, Duration.ofHours(1))) {
      window.tryAcquire().orElseThrow().close(Outcome.UNUSED);
      assertEquals(1, window.stats().available());
    }
  }

  @Test
  void callsBeforeAnyHasEnded_keepTheirPlacesFromTheirEnd_laterOnesFromWhenTheyWereSent() {
    AtomicLong now = new AtomicLong();
    try (Limiter window = SlidingWindow.limiter(3, Duration.ofHours(1), now::get)) {
      Permit first = window.tryAcquire().orElseThrow();
      Permit cold = window.tryAcquire().orElseThrow();
      first.close();
      Permit warm = window.tryAcquire().orElseThrow();
      now.addAndGet(Duration.ofHours(2).toNanos());
      cold.close();
      assertEquals(0, window.stats().available());
      warm.close();
      assertEquals(1, window.stats().available());
    }
  }

  @Test
  void callThatWasNeverSent_doesNotEndTheFirstCalls() {
    AtomicLong now = new AtomicLong();
    try (Limiter window = SlidingWindow.limiter(2, Duration.ofHours(1), now::get)) {
      window.tryAcquire().orElseThrow().close(Outcome.UNUSED);
      Permit cold = window.tryAcquire().orElseThrow();
      now.addAndGet(Duration.ofHours(2).toNanos());
      cold.close();
      assertEquals(1, window.stats().available());
    }
  }

  @Test
  void places_comeBackByThemselves() throws Exception {
    try (Limiter window = SlidingWindow.limiter(1, Duration.ofMillis(1))) {
      for (int i = 0; i < 20; i++) {
        window.acquire().close(); // waits until the place of the last one is back
      }
    }
  }
}
