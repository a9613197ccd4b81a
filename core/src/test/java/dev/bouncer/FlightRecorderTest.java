package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingStream;
import org.junit.jupiter.api.Test;

/** What the Flight Recorder sees of a semaphore. */
class FlightRecorderTest {

  @Test
  void recording_showsWaitsRefusalsChangesAndStatistics() throws Exception {
    ConcurrentLinkedQueue<RecordedEvent> events = new ConcurrentLinkedQueue<>();
    AsyncSemaphore semaphore = AsyncSemaphore.builder(1).name("recorded").maxWaiting(2).build();
    try (RecordingStream stream = new RecordingStream()) {
      stream.setReuse(false);
      stream.enable("dev.bouncer.PermitAcquire").withThreshold(Duration.ZERO);
      stream.enable("dev.bouncer.PermitReject");
      stream.enable("dev.bouncer.LimitChange");
      stream.enable("dev.bouncer.LimiterStatistics").withPeriod(Duration.ofMillis(20));
      stream.onEvent(events::add);
      stream.startAsync();

      Permit held = semaphore.acquire();
      Background<Permit> blocked = Background.platform(semaphore::acquire);
      eventually("it waits", () -> semaphore.waiting() == 1);
      CompletableFuture<Permit> queued = semaphore.acquireAsync();
      assertThrows(LimiterFullException.class, semaphore::acquire);
      held.close();
      blocked.result().close();
      queued.get().close();
      semaphore.setLimit(7);
      eventually("the statistics came", () -> has(events, "LimiterStatistics", "limit", 7));
      eventually("the change came", () -> has(events, "LimitChange", "to", 7));
      eventually("the refusal came", () -> has(events, "PermitReject", "reason", "full"));
      eventually(
          "both waits came",
          () ->
              count(events, "PermitAcquire", "outcome", "acquired") == 2
                  && count(events, "PermitAcquire", "asynchronous", true) == 1
                  && count(events, "PermitAcquire", "outcome", "refused") == 1);
    }
    List<RecordedEvent> changes =
        events.stream().filter(event -> isOurs(event, "LimitChange")).toList();
    assertEquals(1, changes.size());
    assertEquals(1, changes.getFirst().getInt("from"));
  }

  @Test
  void recording_showsWhyALimitChanged() throws Exception {
    ConcurrentLinkedQueue<RecordedEvent> events = new ConcurrentLinkedQueue<>();
    AdaptiveLimiter adaptive = AdaptiveLimiter.builder().name("recorded").build();
    RateLimiter rate = RateLimiter.builder(10, Duration.ofSeconds(1)).name("recorded").build();
    try (RecordingStream stream = new RecordingStream()) {
      stream.setReuse(false);
      stream.enable("dev.bouncer.LimitChange");
      stream.enable("dev.bouncer.RateChange");
      stream.onEvent(events::add);
      stream.startAsync();
      adaptive.acquire(8).close(Outcome.DROPPED);
      rate.setRate(20, Duration.ofSeconds(1));
      eventually(
          "the reason came",
          () -> has(events, "LimitChange", "reason", "refused: 1 of 1, 8 in use"));
      eventually(
          "the rate came",
          () -> has(events, "RateChange", "to", "[Bandwidth[permits=20, period=PT1S, burst=1]]"));
    }
    assertEquals(7, adaptive.limit());
  }

  private static boolean has(
      ConcurrentLinkedQueue<RecordedEvent> events, String type, String field, Object value) {
    return count(events, type, field, value) > 0;
  }

  private static long count(
      ConcurrentLinkedQueue<RecordedEvent> events, String type, String field, Object value) {
    return events.stream()
        .filter(event -> isOurs(event, type) && value.equals(event.getValue(field)))
        .count();
  }

  private static boolean isOurs(RecordedEvent event, String type) {
    return event.getEventType().getName().equals("dev.bouncer." + type)
        && event.getString("limiter").equals("recorded");
  }
}
