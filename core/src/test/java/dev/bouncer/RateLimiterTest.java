package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RateLimiterTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration TENTH = Duration.ofMillis(100);

  private final ManualTiming time = new ManualTiming();

  private RateLimiter tenASecond() {
    return RateLimiter.builder(10, SECOND).name("api").build(time);
  }

  private static int served(List<CompletableFuture<Permit>> requests) {
    return (int) requests.stream().filter(CompletableFuture::isDone).count();
  }

  private static List<CompletableFuture<Permit>> ask(RateLimiter limiter, int times) {
    List<CompletableFuture<Permit>> requests = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      requests.add(limiter.acquireAsync());
    }
    return requests;
  }

  @Test
  void acquireAsync_evenlySpread_oneAnIntervalInOrder() {
    RateLimiter limiter = tenASecond();
    List<CompletableFuture<Permit>> requests = ask(limiter, 30);
    assertEquals(1, served(requests));
    assertEquals(1, time.alarmsSet(), "one alarm for all who wait");
    for (int i = 2; i <= 30; i++) {
      time.advance(TENTH.minusNanos(1));
      assertEquals(i - 1, served(requests));
      time.advance(Duration.ofNanos(1));
      assertEquals(i, served(requests));
      assertTrue(requests.get(i - 1).isDone(), "in order");
    }
    assertEquals(0, limiter.waiting());
    assertEquals(0, time.alarmsSet());
  }

  @Test
  void anyInterval_seesNoMoreThanBurstPlusRate() {
    RateLimiter limiter =
        RateLimiter.builder(Bandwidth.of(10, SECOND).withBurst(3)).name("api").build(time);
    List<Long> grants = new ArrayList<>();
    java.util.Random random = new java.util.Random(7);
    for (int step = 0; step < 3_000; step++) {
      time.advance(Duration.ofMillis(random.nextInt(random.nextInt(10) == 0 ? 2_000 : 80)));
      if (limiter.tryAcquire().isPresent()) {
        grants.add(time.nanoTime());
      }
    }
    for (int from = 0; from < grants.size(); from++) {
      for (int to = from; to < Math.min(grants.size(), from + 50); to++) {
        long length = grants.get(to) - grants.get(from);
        assertTrue(to - from + 1 <= 3 + length / TENTH.toNanos());
      }
    }
    assertTrue(grants.size() > 500, "enough of them: " + grants.size());
  }

  @Test
  void severalBandwidths_areAllKept() {
    RateLimiter limiter =
        RateLimiter.builder(
                Bandwidth.of(10, SECOND), Bandwidth.of(20, Duration.ofMinutes(1)).withBurst(20))
            .build(time);
    List<CompletableFuture<Permit>> requests = ask(limiter, 40);
    time.advance(Duration.ofMillis(1_900));
    assertEquals(20, served(requests), "ten a second");
    time.advance(Duration.ofSeconds(3));
    assertEquals(21, served(requests), "but twenty a minute; one came back after three seconds");
    time.advance(Duration.ofSeconds(6));
    assertEquals(23, served(requests));
    limiter.close();
  }

  @Test
  void burst_isHadAtOnceAfterAPause_andIsTheHeaviestWeight() throws Exception {
    RateLimiter limiter = RateLimiter.builder(Bandwidth.of(10, SECOND).withBurst(5)).build(time);
    assertEquals(5, limiter.acquire(5).weight());
    assertEquals(0, limiter.available());
    assertTrue(limiter.tryAcquire().isEmpty());
    time.advance(Duration.ofMillis(250));
    assertEquals(2, limiter.available());
    assertEquals(3, limiter.stats().inUse());
    time.advance(Duration.ofDays(1));
    assertEquals(5, limiter.available());
    IllegalArgumentException tooHeavy =
        assertThrows(IllegalArgumentException.class, () -> limiter.acquire(6));
    assertTrue(tooHeavy.getMessage().contains("weight=6 limit=5"), tooHeavy.getMessage());
  }

  @Test
  void timeoutTooShortForTheTurn_isAnsweredAtOnceWithAHint() throws Exception {
    RateLimiter limiter = tenASecond();
    limiter.acquire().close();
    assertEquals(TENTH, limiter.retryAfter(1));
    assertEquals(Optional.empty(), limiter.tryAcquire(TENTH.minusNanos(1)), "at once");
    CompletableFuture<Permit> first = limiter.acquireAsync();
    CompletableFuture<Permit> hopeless = limiter.acquireAsync(1, TENTH);
    LimiterTimeoutException timeout =
        assertInstanceOf(
            LimiterTimeoutException.class,
            assertThrows(ExecutionException.class, hopeless::get).getCause());
    assertEquals(Optional.of(TENTH.multipliedBy(2)), timeout.retryAfter());
    assertEquals(
        "no permit in time: limiter=api timeout=PT0.1S weight=1 limit=1 inUse=1 available=0"
            + " waiting=1 retryAfter=PT0.2S",
        timeout.getMessage());
    assertEquals(2, limiter.stats().timedOut());
    CompletableFuture<Permit> hopeful = limiter.acquireAsync(1, TENTH.multipliedBy(2));
    assertFalse(hopeful.isDone());
    time.advance(TENTH);
    assertTrue(first.isDone());
    assertFalse(hopeful.isDone());
    time.advance(TENTH);
    assertEquals(1, hopeful.get().weight());
  }

  @Test
  void fullLine_saysWhenToComeBack() throws Exception {
    RateLimiter limiter = RateLimiter.builder(10, SECOND).maxWaiting(1).build(time);
    limiter.acquire().close();
    CompletableFuture<Permit> waits = limiter.acquireAsync();
    LimiterFullException full = assertThrows(LimiterFullException.class, limiter::acquire);
    assertEquals(Optional.of(TENTH.multipliedBy(2)), full.retryAfter());
    time.advance(TENTH);
    assertTrue(waits.isDone());
  }

  @Test
  void givingUpBeforeTheTurn_costsNothing() throws Exception {
    RateLimiter limiter = tenASecond();
    limiter.acquire().close();
    List<CompletableFuture<Permit>> requests = ask(limiter, 5);
    for (int i = 0; i < 4; i++) {
      assertTrue(requests.get(i).cancel(true));
    }
    time.advance(TENTH);
    assertTrue(requests.get(4).isDone(), "its turn came forward");
    time.advance(TENTH);
    assertTrue(limiter.tryAcquire().isPresent());
  }

  @Test
  void closeAsUnused_putsBackOnceAndServesTheNext() throws Exception {
    RateLimiter limiter = tenASecond();
    Permit permit = limiter.acquire();
    CompletableFuture<Permit> next = limiter.acquireAsync();
    permit.close(Outcome.UNUSED);
    permit.close(Outcome.UNUSED);
    assertTrue(next.isDone());
    assertEquals(0, limiter.available());
    next.get().close();
    next.get().close(Outcome.UNUSED);
    assertEquals(0, limiter.available(), "spent: it was closed before");
    Permit old = tenASecond().acquire();
    assertEquals(1, old.weight());
  }

  @Test
  void closeAsUnused_ofAPermitAskedForLongAfterItsGrant_putsBackNothingTwice() {
    RateLimiter limiter = tenASecond();
    assertTrue(limiter.take(1), "granted to somebody in line, whose thread is slow to wake up");
    time.advance(TENTH); // the unit is back
    assertTrue(limiter.tryAcquire().isPresent());
    limiter.permit(1).close(Outcome.UNUSED);
    assertEquals(0, limiter.available(), "the unit was back before");
  }

  @Test
  void closeAsUnused_afterTheRateChanged_putsBackAllTheSame() {
    RateLimiter limiter = RateLimiter.builder(1, Duration.ofHours(1)).build(time);
    Permit unused = limiter.tryAcquire().orElseThrow();
    limiter.setRate(1, Duration.ofMinutes(30));
    assertEquals(0, limiter.available());
    unused.close(Outcome.UNUSED);
    assertEquals(1, limiter.available());
  }

  @Test
  void grantThatNobodyTakes_isPutBack() throws Exception {
    RateLimiter limiter = tenASecond();
    limiter.acquire().close();
    CompletableFuture<String> call =
        limiter.callAsync(() -> CompletableFuture.completedFuture("never"));
    assertTrue(call.cancel(true));
    time.advance(TENTH);
    assertTrue(limiter.tryAcquire().isPresent(), "the cancelled call spent nothing");
  }

  @Test
  void setRate_whileSomebodyWaits_movesItsTurn() throws Exception {
    RateLimiter limiter = tenASecond();
    limiter.acquire().close();
    CompletableFuture<Permit> waits = limiter.acquireAsync();
    limiter.setRate(1, Duration.ofHours(1));
    time.advance(Duration.ofMinutes(59));
    assertFalse(waits.isDone());
    limiter.setRate(1_000, SECOND);
    time.advance(Duration.ofMillis(17));
    assertTrue(waits.isDone());
    assertEquals(List.of(Bandwidth.of(1_000, SECOND)), limiter.bandwidths());
    limiter.setBandwidths(Bandwidth.of(5, SECOND), Bandwidth.of(50, Duration.ofMinutes(1)));
    assertThrows(IllegalStateException.class, () -> limiter.setRate(1, SECOND));
    assertEquals(2, limiter.bandwidths().size());
  }

  @Test
  void setBandwidths_burstBelowAWaitersWeight_stepsAsideAndComesBack() throws Exception {
    RateLimiter limiter = RateLimiter.builder(Bandwidth.of(10, SECOND).withBurst(5)).build(time);
    limiter.acquire(5).close();
    CompletableFuture<Permit> heavy = limiter.acquireAsync(4);
    CompletableFuture<Permit> light = limiter.acquireAsync(1);
    limiter.setBandwidths(Bandwidth.of(10, SECOND).withBurst(2));
    time.advance(SECOND);
    assertFalse(heavy.isDone());
    assertTrue(light.isDone(), "is not blocked by what cannot be served");
    limiter.setBandwidths(Bandwidth.of(10, SECOND).withBurst(5));
    time.advance(SECOND);
    assertTrue(heavy.isDone());
  }

  @Test
  void badRates_areRefusedWithAClearMessageAndChangeNothing() {
    for (Duration outOfRange : List.of(Duration.ofNanos(-1), Duration.ofHours(2))) {
      assertThrows(
          IllegalArgumentException.class, () -> RateLimiter.builder(1, SECOND).catchUp(outOfRange));
    }
    assertEquals(
        "permits must be at least 1: permits=0",
        assertThrows(IllegalArgumentException.class, () -> RateLimiter.of(0, SECOND)).getMessage());
    assertEquals(
        "period must be more than zero: period=PT0S",
        assertThrows(IllegalArgumentException.class, () -> RateLimiter.of(1, Duration.ZERO))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> RateLimiter.of(1, Duration.ofNanos(-1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> RateLimiter.of(1, Duration.ofSeconds(Long.MAX_VALUE)));
    assertThrows(
        IllegalArgumentException.class, () -> Bandwidth.of(1, Duration.ofDays(365)).withBurst(101));
    assertThrows(IllegalArgumentException.class, () -> Bandwidth.of(1, SECOND).withBurst(0));
    RateLimiter limiter = tenASecond();
    assertThrows(IllegalArgumentException.class, () -> limiter.setRate(-1, SECOND));
    assertEquals(List.of(Bandwidth.of(10, SECOND)), limiter.bandwidths());
    assertThrows(IllegalArgumentException.class, () -> limiter.retryAfter(2));
    assertThrows(
        IllegalArgumentException.class,
        () -> RateLimiter.builder(1, SECOND).whenFull(WhenFull.BLOCK));
  }

  @Test
  void acquire_inRealTime_keepsTheRateOverBlockingAndAsynchronousCallers() throws Exception {
    int rate = 1_000;
    int each = 200;
    RateLimiter limiter = RateLimiter.of(rate, SECOND);
    long start = System.nanoTime();
    List<Background<Boolean>> threads = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      threads.add(
          Background.virtual(() -> {
            for (int i = 0; i < each; i++) {
              limiter.acquire().close();
            }
            return true;
          }));
    }
    List<CompletableFuture<Permit>> requests = ask(limiter, each);
    threads.forEach(Background::result);
    for (CompletableFuture<Permit> request : requests) {
      request.get(1, TimeUnit.MINUTES).close();
    }
    long nanos = System.nanoTime() - start;
    // The last of n comes n - 1 intervals after the first; how late it may be depends on the
    // machine, how early does not.
    assertTrue(
        nanos >= SECOND.toNanos() / rate * (4 * each - 1) - RateLimiter.CATCH_UP.toNanos(),
        "took " + nanos);
    assertEquals(4L * each, limiter.stats().acquired());
  }

  @Test
  void toString_showsBandwidthsAndNumbers() {
    RateLimiter limiter = tenASecond();
    assertEquals(
        "RateLimiter[name=api bandwidths=[Bandwidth[permits=10, period=PT1S, burst=1]]"
            + " available=1 waiting=0]",
        limiter.toString());
    limiter.close();
    assertTrue(limiter.toString().endsWith(" closed]"));
    eventually("it is closed", limiter::isClosed);
  }
}
