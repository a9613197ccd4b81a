package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class AdaptiveLimiterTest {
  private static final Duration WINDOW = Duration.ofMillis(100);

  private final ManualTiming time = new ManualTiming();

  private AdaptiveLimiter.Builder aimd(int initial) {
    return AdaptiveLimiter.builder()
        .algorithm(LimitAlgorithm::aimd)
        .initialLimit(initial)
        .maxLimit(100);
  }

  /** Uses the whole limit for one window, and ends everything in the same way. */
  private void flight(AdaptiveLimiter limiter, Outcome outcome) {
    List<Permit> held = new ArrayList<>();
    while (held.size() < 10 || limiter.available() > 0) {
      if (limiter.available() == 0) {
        time.advance(WINDOW);
        held.removeFirst().close(outcome);
      }
      held.add(limiter.tryAcquire().orElseThrow());
    }
    time.advance(WINDOW);
    held.forEach(permit -> permit.close(outcome));
  }

  /** One window of 10 that end well, all at the limit. */
  private void goodWindow(AdaptiveLimiter limiter) {
    int before = limiter.limit();
    for (int i = 0; i < 1_000 && limiter.limit() == before; i++) {
      List<Permit> held = new ArrayList<>();
      while (limiter.available() > 0) {
        held.add(limiter.tryAcquire().orElseThrow());
      }
      time.advance(WINDOW.dividedBy(5));
      held.forEach(permit -> permit.close(Outcome.SUCCESS));
    }
  }

  private void refusal(AdaptiveLimiter limiter) {
    List<Permit> held = new ArrayList<>();
    while (limiter.available() > 0) {
      held.add(limiter.tryAcquire().orElseThrow());
    }
    time.advance(Duration.ofMillis(1));
    held.removeFirst().close(Outcome.DROPPED);
    held.forEach(permit -> permit.close(Outcome.IGNORED));
  }

  @Test
  void limitReachedAndNobodyRefused_doublesAtFirst() {
    AdaptiveLimiter limiter = aimd(4).build(time);
    goodWindow(limiter);
    assertEquals(8, limiter.limit());
    goodWindow(limiter);
    assertEquals(16, limiter.limit());
    for (int i = 0; i < 10; i++) {
      goodWindow(limiter);
    }
    assertEquals(100, limiter.limit(), "never above the maximum");
  }

  @Test
  void limitNotReached_changesNothing() {
    AdaptiveLimiter limiter = aimd(10).build(time);
    for (int i = 0; i < 1_000; i++) {
      Permit one = limiter.tryAcquire().orElseThrow();
      time.advance(Duration.ofMillis(10));
      one.close();
    }
    assertEquals(10, limiter.limit());
  }

  @Test
  void refusal_cutsAtOnce_andOnceForAFlight() {
    AdaptiveLimiter limiter = aimd(50).build(time);
    List<Permit> flight = new ArrayList<>();
    while (limiter.available() > 0) {
      flight.add(limiter.tryAcquire().orElseThrow());
    }
    time.advance(WINDOW.multipliedBy(3));
    flight.removeFirst().close(Outcome.DROPPED);
    int cut = limiter.limit();
    assertEquals(45, cut);
    for (Permit permit : flight) {
      time.advance(WINDOW);
      permit.close(Outcome.DROPPED); // began before the cut
    }
    assertEquals(cut, limiter.limit());
    Permit later = limiter.tryAcquire().orElseThrow();
    time.advance(WINDOW);
    later.close(Outcome.DROPPED);
    assertEquals(22, limiter.limit(), "began after the cut, and nothing else ended well");
  }

  @Test
  void refusalAmongManySuccesses_cutsATenth() {
    AdaptiveLimiter limiter = aimd(50).build(time);
    List<Permit> held = new ArrayList<>();
    while (limiter.available() > 0) {
      held.add(limiter.tryAcquire().orElseThrow());
    }
    for (int i = 0; i < 40; i++) {
      held.removeFirst().close();
    }
    held.removeFirst().close(Outcome.DROPPED);
    assertEquals(45, limiter.limit());
    held.forEach(Permit::close);
  }

  @Test
  void ignoredAndUnused_sayNothing() {
    AdaptiveLimiter limiter = aimd(10).build(time);
    for (int i = 0; i < 20; i++) {
      flight(limiter, i % 2 == 0 ? Outcome.IGNORED : Outcome.UNUSED);
    }
    assertEquals(10, limiter.limit());
  }

  @Test
  void fixedCapacity_isProbedMoreAndMoreSeldom() {
    AdaptiveLimiter limiter = aimd(4).build(time);
    int refusals = 0;
    int calls = 0;
    List<Integer> limits = new ArrayList<>();
    for (int step = 0; step < 5_000; step++) { // 20 ms each: 100 seconds
      List<Permit> held = new ArrayList<>();
      while (limiter.available() > 0) {
        held.add(limiter.tryAcquire().orElseThrow());
      }
      time.advance(Duration.ofMillis(20));
      for (int i = 0; i < held.size(); i++) {
        calls++;
        refusals += i < 20 ? 0 : 1;
        held.get(i).close(i < 20 ? Outcome.SUCCESS : Outcome.DROPPED);
      }
      limits.add(limiter.limit());
    }
    assertTrue(refusals < calls / 500, refusals + " of " + calls + " refused");
    double mean = limits.stream().skip(250).mapToInt(limit -> limit).average().orElseThrow();
    assertTrue(mean > 17 && mean <= 20.5, "mean limit " + mean);
  }

  @Test
  void outage_cutsToTheMinimum_andHealsByDoubling() {
    AdaptiveLimiter limiter = aimd(64).minLimit(2).build(time);
    for (int i = 0; i < 30; i++) {
      refusal(limiter);
      time.advance(WINDOW);
    }
    assertEquals(2, limiter.limit());
    int windows = 0;
    while (limiter.limit() < 32) {
      goodWindow(limiter);
      windows++;
    }
    assertEquals(4, windows, "4, 8, 16, 32");
    List<Integer> limits = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      goodWindow(limiter);
      limits.add(limiter.limit());
    }
    assertEquals(List.of(47, 55, 59, 61), limits, "half of what is left up to 63 each time");
  }

  @Test
  void ceilingThatHeld_isPassedFasterAndFaster() {
    AdaptiveLimiter limiter = aimd(20).build(time);
    refusal(limiter);
    time.advance(LimitControl.SHORTEST_PROBE);
    while (limiter.limit() < 20) {
      goodWindow(limiter);
    }
    List<Integer> limits = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      goodWindow(limiter);
      limits.add(limiter.limit());
    }
    assertEquals(List.of(21, 23, 25, 28, 31, 35), limits, "at most an eighth at a time");
  }

  @Test
  void refusalAfterARise_fallsToWhatWasNotRefused() {
    AdaptiveLimiter limiter = aimd(20).build(time);
    goodWindow(limiter);
    assertEquals(40, limiter.limit(), "doubled");
    refusal(limiter);
    assertEquals(20, limiter.limit(), "not nine tenths of what was too much");
  }

  @Test
  void limitThatRises_admitsThoseInLine() throws Exception {
    AdaptiveLimiter limiter = aimd(1).maxLimit(8).build(time);
    List<CompletableFuture<Permit>> requests = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      requests.add(limiter.acquireAsync());
    }
    int most = 0;
    for (int i = 0; i < requests.size(); i++) {
      time.advance(Duration.ofMillis(30));
      requests.get(i).get().close();
      most = Math.max(most, limiter.inUse());
    }
    assertEquals(8, limiter.limit());
    assertTrue(most > 1, "several at once: " + most);
    assertEquals(0, limiter.inUse());
  }

  @Test
  void heavierThanTheLimit_goesAlone() throws Exception {
    AdaptiveLimiter limiter = aimd(2).build(time);
    Permit one = limiter.acquire();
    CompletableFuture<Permit> heavy = limiter.acquireAsync(5);
    assertFalse(heavy.isDone());
    one.close();
    assertTrue(heavy.isDone());
    assertTrue(limiter.tryAcquire().isEmpty());
    assertEquals(-3, limiter.available());
    heavy.get().close();
    assertThrows(IllegalArgumentException.class, () -> limiter.acquire(101));
  }

  @Test
  void observeOnly_decidesAndDoesNothing() {
    AdaptiveLimiter limiter = aimd(4).observeOnly(true).build(time);
    assertEquals(100, limiter.limit());
    assertEquals(4, limiter.wouldBeLimit());
    Permit refused = limiter.tryAcquire(4).orElseThrow();
    refused.close(Outcome.DROPPED);
    assertEquals(3, limiter.wouldBeLimit());
    assertEquals(100, limiter.limit());
  }

  @Test
  void vegas_keepsASmallQueue() {
    LimitAlgorithm vegas = LimitAlgorithm.vegas();
    Duration fast = Duration.ofMillis(10);
    assertTrue(vegas.propose(window(20, fast, Duration.ZERO)) > 20);
    assertEquals(20, vegas.propose(window(20, Duration.ofMillis(13), Duration.ZERO)), 0.01);
    assertTrue(vegas.propose(window(20, Duration.ofMillis(30), Duration.ZERO)) < 20);
  }

  private static LimitAlgorithm.Window window(double limit, Duration mean, Duration error) {
    return new LimitAlgorithm.Window(limit, 10, mean, error, mean);
  }

  @Test
  void vegas_timesThatVaryByChance_doNotLowerTheLimit() {
    LimitAlgorithm vegas = LimitAlgorithm.vegas();
    Random random = new Random(1);
    int calls = 50;
    double limit = 100;
    double sumOfLimits = 0;
    for (int i = 0; i < 2_000; i++) { // each call takes 150 to 450 ms, whatever the limit
      double sum = 0;
      double squares = 0;
      for (int call = 0; call < calls; call++) {
        double millis = 150 + 300 * random.nextDouble();
        sum += millis;
        squares += millis * millis;
      }
      double mean = sum / calls;
      double error = Math.sqrt((squares / calls - mean * mean) / calls);
      limit = vegas.propose(window(limit, millis(mean), millis(error)));
      limit = Math.min(100, limit);
      sumOfLimits += limit;
    }
    double usual = sumOfLimits / 2_000;
    assertTrue(usual > 85, "usually at " + usual);
  }

  private static Duration millis(double millis) {
    return Duration.ofNanos(Math.round(millis * 1e6));
  }

  @Test
  void window_lastsTwiceAsLongAsTheWork() {
    List<LimitAlgorithm.Window> seen = new ArrayList<>();
    AdaptiveLimiter limiter =
        AdaptiveLimiter.builder()
            .initialLimit(100)
            .maxLimit(100)
            .algorithm(() ->
                window -> {
                  seen.add(window);
                  return window.limit();
                })
            .build(time);
    List<Permit> held = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      held.add(limiter.tryAcquire().orElseThrow());
    }
    time.advance(WINDOW.multipliedBy(3));
    for (Permit permit : held) { // the first of them would fill a window of the usual length
      permit.close();
    }
    assertEquals(0, seen.size());
    time.advance(WINDOW.multipliedBy(3).plusMillis(3));
    limiter.tryAcquire().orElseThrow().close();
    assertEquals(1, seen.size());
    assertEquals(101, seen.getFirst().samples());
  }

  @Test
  void window_tellsHowLittleFewSamplesSay() {
    List<LimitAlgorithm.Window> seen = new ArrayList<>();
    AdaptiveLimiter limiter =
        AdaptiveLimiter.builder()
            .initialLimit(1)
            .maxLimit(1)
            .algorithm(() ->
                window -> {
                  seen.add(window);
                  return window.limit();
                })
            .build(time);
    time.advance(WINDOW.multipliedBy(8));
    hold(limiter, WINDOW.multipliedBy(2));
    assertEquals(seen.getLast().mean(), seen.getLast().standardError(), "one says nothing");
    hold(limiter, WINDOW.multipliedBy(2));
    hold(limiter, WINDOW.multipliedBy(4));
    hold(limiter, WINDOW.multipliedBy(6));
    assertEquals(3, seen.getLast().samples());
    assertEquals(WINDOW.multipliedBy(4), seen.getLast().mean());
    double deviation = 2 * WINDOW.toNanos(); // of 2, 4 and 6, with one less than there are
    assertEquals(Math.round(deviation / Math.sqrt(3)), seen.getLast().standardError().toNanos());
  }

  private void hold(AdaptiveLimiter limiter, Duration time) {
    Permit permit = limiter.tryAcquire().orElseThrow();
    this.time.advance(time);
    permit.close();
  }

  @Test
  void gradient2_afterFewSamplesThatHappenToBeShort_growsAgain() {
    LimitAlgorithm gradient = LimitAlgorithm.gradient2();
    double limit = 1;
    for (int i = 0; i < 50; i++) { // three calls of 150 to 450 ms each
      limit = Math.max(1, gradient.propose(window(limit, millis(200 + i % 3 * 100), millis(80))));
    }
    assertTrue(limit > 4, "at " + limit);
  }

  @Test
  void gradient2_underSteadyOverload_doesNotDriftUp() {
    LimitAlgorithm gradient = LimitAlgorithm.gradient2();
    double limit = 20;
    for (int i = 0; i < 2_000; i++) { // a service of 20 workers, 10 ms each
      Duration mean = Duration.ofNanos((long) (Math.max(1, limit / 20) * 10_000_000));
      limit = gradient.propose(window(limit, mean, Duration.ZERO));
      assertTrue(limit < 45, "after " + i + " windows: " + limit);
    }
    assertTrue(limit > 9, "at " + limit);
  }

  @Test
  void badArguments_areRefusedWithAClearMessage() {
    assertEquals(
        "minLimit must not be above maxLimit: minLimit=5 maxLimit=4",
        assertThrows(
                IllegalArgumentException.class,
                () -> AdaptiveLimiter.builder().minLimit(5).maxLimit(4).build())
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> AdaptiveLimiter.builder().maxLimit(0));
    assertThrows(IllegalArgumentException.class, () -> AdaptiveLimiter.builder().initialLimit(0));
    assertThrows(
        IllegalArgumentException.class, () -> AdaptiveLimiter.builder().window(Duration.ZERO));
    assertThrows(NullPointerException.class, () -> AdaptiveLimiter.builder().algorithm(null));
    AdaptiveLimiter broken =
        AdaptiveLimiter.builder()
            .algorithm(() -> window -> Double.NaN)
            .initialLimit(1)
            .maxLimit(4)
            .build(time);
    for (int i = 0; i < 100; i++) {
      time.advance(WINDOW);
      broken.tryAcquire().orElseThrow().close();
    }
    assertTrue(broken.limit() >= 1, "still a limit");
  }
}
