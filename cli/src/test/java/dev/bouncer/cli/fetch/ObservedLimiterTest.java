package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.LimiterClosedException;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

final class ObservedLimiterTest {
  private final AsyncSemaphore places = AsyncSemaphore.of(1);
  private final List<Outcome> seen = new ArrayList<>();
  private final ObservedLimiter limiter =
      new ObservedLimiter(
          places,
          () ->
              (permit, outcome) -> {
                seen.add(outcome);
                permit.close(outcome);
              });

  @Test
  void everyWayToAPermit_isObserved_andEndsOnce() throws Exception {
    List<Permit> permits = new ArrayList<>();
    permits.add(limiter.acquire());
    permits.getLast().close(Outcome.DROPPED);
    permits.add(limiter.tryAcquire().orElseThrow());
    permits.getLast().close();
    permits.add(limiter.tryAcquire(Duration.ofSeconds(1)).orElseThrow());
    permits.getLast().close(Outcome.IGNORED);
    permits.add(limiter.acquireAsync().join());
    permits.getLast().close(Outcome.UNUSED);
    permits.add(limiter.acquireAsync(1, Duration.ofSeconds(1)).join());
    permits.getLast().close();
    permits.forEach(Permit::close); // again: does nothing
    assertEquals(
        List.of(Outcome.DROPPED, Outcome.SUCCESS, Outcome.IGNORED, Outcome.UNUSED, Outcome.SUCCESS),
        seen);
    assertEquals(1, places.available());
  }

  @Test
  void acquireAsync_cancelledInLine_leavesTheLine() {
    Permit held = limiter.tryAcquire().orElseThrow();
    CompletableFuture<Permit> waiting = limiter.acquireAsync();
    assertTrue(waiting.cancel(false));
    assertEquals(0, places.waiting());
    CompletableFuture<Permit> byHand = limiter.acquireAsync();
    assertTrue(byHand.completeExceptionally(new IllegalStateException("enough")));
    assertEquals(0, places.waiting());
    held.close();
    assertEquals(1, places.available());
  }

  @Test
  void acquireAsync_granted_cannotBeCancelled() {
    Permit held = limiter.tryAcquire().orElseThrow();
    CompletableFuture<Permit> waiting = limiter.acquireAsync();
    held.close();
    assertFalse(waiting.cancel(false));
    waiting.join().close();
    assertEquals(1, places.available());
  }

  @Test
  void close_refusesThoseWhoWaitAndThoseWhoCome() {
    Permit held = limiter.tryAcquire().orElseThrow();
    CompletableFuture<Permit> waiting = limiter.acquireAsync();
    limiter.close();
    assertTrue(waiting.exceptionNow() instanceof LimiterClosedException, waiting::toString);
    assertThrows(LimiterClosedException.class, limiter::tryAcquire);
    held.close();
  }
}
