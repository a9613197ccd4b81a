package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The arithmetic of rates, against a token bucket in exact fractions. */
class LevelTest {
  private static final long ORIGIN = Long.MAX_VALUE - 1_000; // wraps soon
  private static final Duration YEAR = Duration.ofDays(365);

  /** A bucket of units, counted in units divided by {@code period}: no rounding anywhere. */
  private static final class Bucket {
    private final BigInteger permits;
    private final BigInteger period;
    private final BigInteger most;
    private BigInteger level;

    Bucket(Bandwidth bandwidth) {
      permits = BigInteger.valueOf(bandwidth.permits());
      period = BigInteger.valueOf(bandwidth.period().toNanos());
      most = period.multiply(BigInteger.valueOf(bandwidth.burst()));
      level = most;
    }

    void pass(long nanos) {
      level = level.add(permits.multiply(BigInteger.valueOf(nanos))).min(most);
    }

    boolean has(int weight) {
      return level.compareTo(cost(weight)) >= 0;
    }

    void take(int weight) {
      level = level.subtract(cost(weight));
    }

    private BigInteger cost(int weight) {
      return period.multiply(BigInteger.valueOf(weight));
    }

    int available() {
      return level.divide(period).intValue();
    }

    long nanosUntil(int weight) {
      BigInteger missing = cost(weight).subtract(level);
      return missing.signum() <= 0
          ? 0
          : missing.add(permits).subtract(BigInteger.ONE).divide(permits).longValue();
    }
  }

  private static Level complete(List<Bandwidth> bandwidths, long now) {
    return Level.complete(bandwidths, RateLimiter.CATCH_UP.toNanos(), now);
  }

  @Test
  void take_randomBandwidthsAndTimes_agreesWithABucketOfExactFractions() {
    Random random = new Random(42);
    for (int run = 0; run < 300; run++) {
      List<Bandwidth> bandwidths = new ArrayList<>();
      for (int i = 0; i <= random.nextInt(3); i++) {
        bandwidths.add(anyBandwidth(random));
      }
      List<Bucket> model = bandwidths.stream().map(Bucket::new).toList();
      long now = ORIGIN;
      Level level = complete(bandwidths, now);
      for (int step = 0; step < 200; step++) {
        long pause = anyPause(random, bandwidths.getFirst());
        now += pause;
        model.forEach(bucket -> bucket.pass(pause));
        int weight = 1 + random.nextInt(level.burst());
        boolean expected = model.stream().allMatch(bucket -> bucket.has(weight));
        assertEquals(
            model.stream().mapToInt(Bucket::available).min().orElseThrow(), level.available(now));
        long wait = model.stream().mapToLong(bucket -> bucket.nanosUntil(weight)).max().orElse(0);
        assertEquals(wait, level.nanosUntil(weight, now), bandwidths::toString);
        Level left = level.take(weight, now, false);
        assertEquals(expected, left != null, bandwidths::toString);
        if (left != null) {
          level = left;
          model.forEach(bucket -> bucket.take(weight));
        } else {
          assertNull(level.take(weight, now + wait - 1, false));
          assertNotNull(level.take(weight, now + wait, false));
        }
      }
    }
  }

  private static Bandwidth anyBandwidth(Random random) {
    int permits = 1 + random.nextInt(random.nextBoolean() ? 10 : Integer.MAX_VALUE - 1);
    long period = 1 + (random.nextLong() >>> (1 + random.nextInt(62)));
    int burst = 1 + random.nextInt(random.nextBoolean() ? 3 : 1_000);
    try {
      return new Bandwidth(permits, Duration.ofNanos(period), burst);
    } catch (IllegalArgumentException tooSlow) {
      return Bandwidth.of(permits, Duration.ofSeconds(1)).withBurst(burst);
    }
  }

  private static long anyPause(Random random, Bandwidth bandwidth) {
    long interval = bandwidth.period().toNanos() / bandwidth.permits();
    return random.nextInt(4) == 0 ? 0 : (long) (random.nextDouble() * 3 * interval);
  }

  @Test
  void take_overThreeHundredYearsAtAnAwkwardRate_doesNotDrift() {
    // 7 units every 3 years and one nanosecond: no interval is whole.
    Duration period = YEAR.multipliedBy(3).plusNanos(1);
    Level level = complete(List.of(Bandwidth.of(7, period)), ORIGIN);
    long now = ORIGIN;
    BigInteger elapsed = BigInteger.ZERO;
    int taken = 0;
    while (elapsed.compareTo(BigInteger.valueOf(YEAR.toNanos()).multiply(BigInteger.valueOf(310)))
        < 0) {
      long wait = level.nanosUntil(1, now);
      now += wait;
      elapsed = elapsed.add(BigInteger.valueOf(wait));
      level = level.take(1, now, true);
      assertNotNull(level);
      // the n-th unit comes at n * period / 7, rounded up to the next nanosecond
      BigInteger exact = BigInteger.valueOf(taken).multiply(BigInteger.valueOf(period.toNanos()));
      BigInteger[] due = exact.divideAndRemainder(BigInteger.valueOf(7));
      assertEquals(due[0].add(BigInteger.valueOf(due[1].signum())), elapsed);
      taken++;
    }
    assertEquals(7 * 310 / 3 + 2, taken);
  }

  @Test
  void take_afterAPauseOfThreeHundredYears_findsTheBurstComplete() {
    Level level = complete(List.of(Bandwidth.of(1, YEAR).withBurst(2)), ORIGIN);
    Level spent = level.take(2, ORIGIN, false);
    assertNotNull(spent);
    assertEquals(0, spent.available(ORIGIN));
    assertEquals(1, spent.available(ORIGIN + YEAR.toNanos()));
    long later = ORIGIN + YEAR.toNanos() * 150 + YEAR.toNanos() * 150; // wraps
    assertEquals(2, spent.available(later));
    assertTrue(spent.isComplete(later));
    assertNotNull(spent.take(2, later, false));
    assertNotNull(spent.take(2, later, true));
  }

  @Test
  void take_moreThanTheBurst_isNeverPossible() {
    Level level = complete(List.of(Bandwidth.of(1, YEAR.dividedBy(1_000)).withBurst(2)), 0);
    for (int weight : new int[] {3, 1 << 20, Integer.MAX_VALUE}) {
      assertNull(level.take(weight, 0, false));
      assertNull(level.take(weight, YEAR.toNanos(), true));
    }
  }

  @Test
  void take_wokenUpLate_makesUpForATenthOfASecondAndNoMore() {
    long milli = 1_000_000;
    Level level = complete(List.of(Bandwidth.of(1_000, Duration.ofSeconds(1))), 0);
    Level busy = level.take(1, 0, false);
    assertNotNull(busy);
    assertEquals(51, takenAtOnce(busy, 51 * milli, true), "all that came due");
    assertEquals(101, takenAtOnce(busy, 10_000 * milli, true), "no flood after a stop");
    assertEquals(1, takenAtOnce(busy, 10_000 * milli, false), "a newcomer has not waited");
    Level large = complete(List.of(Bandwidth.of(1_000, Duration.ofSeconds(1)).withBurst(500)), 0);
    assertEquals(500, takenAtOnce(large, 10_000 * milli, true), "a large burst covers that");
  }

  private static int takenAtOnce(Level level, long now, boolean waited) {
    int taken = 0;
    for (Level left = level.take(1, now, waited); left != null; left = left.take(1, now, waited)) {
      taken++;
    }
    return taken;
  }

  @Test
  void putBack_restoresWhatWouldNotHaveComeBackByItself() {
    List<Bandwidth> bandwidths = List.of(new Bandwidth(3, Duration.ofNanos(1_000), 5));
    Level level = complete(bandwidths, 0);
    Level spent = level.take(5, 0, false);
    assertNotNull(spent);
    assertEquals(4, spent.putBack(4, 0).available(0));
    assertEquals(5, spent.putBack(4, 0).putBack(1, 0).available(0));
    assertEquals(0, spent.putBack(4, 0).nanosUntil(4, 0));
    assertEquals(334, spent.putBack(4, 0).nanosUntil(5, 0));
    // Complete at 1,667 and spent again at 5,000: the first five are back already.
    Level again = spent.take(5, 5_000, false);
    assertNotNull(again);
    assertEquals(0, again.putBack(5, 0).available(5_000));
    assertEquals(5, again.putBack(5, 5_000).available(5_000));
  }

  @Test
  void take_longAfterItWasDue_makesUpForTheLatenessThatWasAgreedOn() {
    long late = ORIGIN; // added to below, because the sum wraps
    late += 10_000_000_000L;
    for (int millis : new int[] {0, 30, 100}) {
      List<Bandwidth> bandwidths = List.of(Bandwidth.of(100, Duration.ofSeconds(1)));
      Level level = Level.complete(bandwidths, millis * 1_000_000L, ORIGIN).take(1, ORIGIN, false);
      int taken = -1;
      for (Level next = level; next != null; taken++) {
        next = next.take(1, late, true);
      }
      assertEquals(1 + millis / 10, taken, "at once, at one each 10 ms, late by " + millis);
    }
  }

  @Test
  void at_anotherRate_keepsWhatWasSpent() {
    Level level =
        complete(List.of(new Bandwidth(10, Duration.ofSeconds(1), 10)), 0).take(6, 0, false);
    assertNotNull(level);
    Level slower = level.at(List.of(new Bandwidth(1, Duration.ofSeconds(1), 10)), 0);
    assertEquals(4, slower.available(0));
    assertEquals(Duration.ofSeconds(1).toNanos(), slower.nanosUntil(5, 0));
    Level smaller = level.at(List.of(new Bandwidth(10, Duration.ofSeconds(1), 3)), 0);
    assertEquals(0, smaller.available(0));
    Level two =
        level.at(
            List.of(
                new Bandwidth(10, Duration.ofSeconds(1), 10),
                new Bandwidth(2, Duration.ofSeconds(1), 2)),
            0);
    assertEquals(2, two.available(0));
    assertFalse(two.isComplete(0));
  }
}
