package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class HostPausesTest {
  private final ManualTimer timer = new ManualTimer();
  private final HostPauses pauses = new HostPauses(timer);

  @Test
  void pause_endsAtItsTimeAndTakesNoMemoryThen() {
    pauses.pause("a", Duration.ofSeconds(2).toNanos());
    CompletableFuture<Void> end = pauses.end("a");
    timer.advance(Duration.ofMillis(1_999));
    assertFalse(end.isDone());
    timer.advance(Duration.ofMillis(1));
    assertTrue(end.isDone());
    assertNull(pauses.end("a"));
    assertEquals(0, pauses.size());
    assertEquals(0, timer.alarms());
  }

  @Test
  void anotherHost_isNotPaused() {
    pauses.pause("a", 1_000);
    assertNull(pauses.end("b"));
  }

  @Test
  void longerPause_prolongsForThoseWhoWait() {
    pauses.pause("a", Duration.ofSeconds(1).toNanos());
    CompletableFuture<Void> end = pauses.end("a");
    pauses.pause("a", Duration.ofSeconds(3).toNanos());
    timer.advance(Duration.ofSeconds(2));
    assertFalse(end.isDone());
    timer.advance(Duration.ofSeconds(1));
    assertTrue(end.isDone());
  }

  @Test
  void shorterPause_changesNothing() {
    pauses.pause("a", Duration.ofSeconds(3).toNanos());
    CompletableFuture<Void> end = pauses.end("a");
    pauses.pause("a", Duration.ofSeconds(1).toNanos());
    timer.advance(Duration.ofSeconds(2));
    assertFalse(end.isDone());
    assertEquals(1, timer.alarms());
  }

  @Test
  void zeroPause_isNone() {
    pauses.pause("a", 0);
    assertEquals(0, pauses.size());
  }

  @Test
  void thoseWhoWait_goOnInTheOrderOfArrival() {
    pauses.pause("a", 1_000);
    List<Integer> order = new ArrayList<>();
    IntStream.range(0, 100)
        .forEach(i -> {
          var _ = pauses.end("a").thenRun(() -> order.add(i));
        });
    timer.advance(Duration.ofNanos(1_000));
    assertEquals(IntStream.range(0, 100).boxed().toList(), order);
  }

  @Test
  void cancelledWaiter_isForgottenAtOnce_andTheOthersGoOn() {
    pauses.pause("a", 1_000);
    CompletableFuture<Void> gone = pauses.end("a");
    CompletableFuture<Void> stays = pauses.end("a");
    assertTrue(gone.cancel(false));
    assertEquals(1, pauses.waiting("a"));
    timer.advance(Duration.ofNanos(1_000));
    assertTrue(stays.isDone());
    assertEquals(0, pauses.waiting("a"));
  }

  @Test
  void actionOfOneWhoWaits_mayPauseTheHostAgain() {
    pauses.pause("a", 1_000);
    var _ = pauses.end("a").thenRun(() -> pauses.pause("a", 1_000));
    timer.advance(Duration.ofNanos(1_000));
    assertEquals(1, pauses.size());
  }
}
