package dev.bouncer;

import java.math.BigInteger;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How much of one {@link Bandwidth} is left, and of those that apply together with it. Immutable,
 * so that one compare-and-set of a reference changes all of them at once.
 *
 * <p>The generic cell rate algorithm (ITU-T I.371, virtual scheduling) in integers. Instead of a
 * number of units that grows with time, it keeps one moment: when the burst will be complete again
 * if nothing more is taken. Taking {@code w} units moves it {@code w} intervals into the future, an
 * interval being {@code period / permits}; that is possible while it stays within one burst of the
 * present. Nothing is done while time passes, so nothing is rounded and nothing drifts: the moment
 * is kept in whole nanoseconds and a {@code part} counted in {@code divisor}ths of one.
 *
 * <p>Moments are nanoseconds of a clock that wraps; only differences mean something. The moment is
 * at most 100 years ahead, so a difference that looks longer is a pause of more than 292 years.
 */
final class Level implements RateLimiter.State {
  /** A difference above this is a negative one that wrapped: half as much again as a fill. */
  private static final long FARTHEST_AHEAD = Bandwidth.LONGEST_FILL.toNanos() / 2 * 3;

  private final Pace pace;
  private final long full;
  private final int part; // of a nanosecond after full, in pace.divisor-ths

  /** The last moment at which this was found complete. */
  private final long since;

  /** How many permits were taken so far. */
  private final long taken;

  private final @Nullable Level next;

  /** A bandwidth, reckoned out. An interval is {@code whole + rest / divisor} nanoseconds. */
  private record Pace(
      Bandwidth bandwidth,
      long whole,
      int rest,
      int divisor,
      long burstNanos,
      int burstPart,
      long lateness,
      long catchUp) {
    /** Of a bandwidth, and how much lateness is made up for. */
    static Pace of(Bandwidth bandwidth, long lateness) {
      long period = bandwidth.period().toNanos();
      long common = gcd(period, bandwidth.permits());
      long interval = period / common;
      int divisor = (int) (bandwidth.permits() / common);
      long whole = interval / divisor;
      int rest = (int) (interval % divisor);
      long rests = (long) bandwidth.burst() * rest;
      long burstNanos = bandwidth.burst() * whole + rests / divisor;
      return new Pace(
          bandwidth,
          whole,
          rest,
          divisor,
          burstNanos,
          (int) (rests % divisor),
          lateness,
          Math.max(0, lateness - (burstNanos - whole)));
    }

    private static long gcd(long a, long b) {
      return b == 0 ? a : gcd(b, a % b);
    }

    /** Whole nanoseconds of so many intervals; the rest of them is {@link #partOf}. */
    long nanosOf(int units) {
      return units * whole + (long) units * rest / divisor;
    }

    int partOf(int units) {
      return (int) ((long) units * rest % divisor);
    }
  }

  private Level(Pace pace, long full, int part, long since, long taken, @Nullable Level next) {
    this.pace = pace;
    this.full = full;
    this.part = part;
    this.since = since;
    this.taken = taken;
    this.next = next;
  }

  /**
   * Complete bursts of all these bandwidths, of which there is at least one.
   *
   * @param lateness how many nanoseconds of our own lateness are made up for, see {@link #take}
   */
  static Level complete(List<Bandwidth> bandwidths, long lateness, long now) {
    Level level = null;
    for (Bandwidth bandwidth : bandwidths.reversed()) {
      level = new Level(Pace.of(bandwidth, lateness), now, 0, now, 0, level);
    }
    if (level == null) {
      throw new IllegalArgumentException("bandwidths must not be empty");
    }
    return level;
  }

  /**
   * Takes units from all bandwidths, if all have enough.
   *
   * <p>With {@code waited}, they go to somebody who stood in line for them. Units that came due
   * while it did are not lost because it was woken up late, even if the burst was complete by then,
   * or the rate would be lower than asked for by the lateness of each single alarm. But no more
   * than the lateness that was agreed on is made up for: after a long stop of the machine those in
   * line must not flood whatever they call.
   *
   * @return what is left, or null if one has too few
   */
  @Nullable Level take(int weight, long now, boolean waited) {
    if (weight > pace.bandwidth.burst()) {
      return null; // and the products below would overflow
    }
    Level rest = null;
    if (next != null) {
      rest = next.take(weight, now, waited);
      if (rest == null) {
        return null;
      }
    }
    long earliest = waited ? now - pace.catchUp : now;
    boolean complete = isBefore(full, earliest);
    long from = complete ? earliest : full;
    long then = from + weight * pace.whole;
    int thenPart = 0;
    if (pace.rest != 0) { // two divisions that most rates do without
      long parts = (long) weight * pace.rest + (complete ? 0 : part);
      then += parts / pace.divisor;
      thenPart = (int) (parts % pace.divisor);
    }
    long tooSoon = then - pace.burstNanos - now;
    if (tooSoon > 0 || (tooSoon == 0 && thenPart > pace.burstPart)) {
      return null;
    }
    boolean wasComplete = complete || (full == earliest && part == 0);
    return new Level(pace, then, thenPart, wasComplete ? now : since, taken + 1, rest);
  }

  /** Nanoseconds until so many units, perhaps more than a burst, will have come one by one. */
  long nanosUntil(long units, long now) {
    boolean complete = isBefore(full, now);
    BigInteger divisor = BigInteger.valueOf(pace.divisor);
    BigInteger parts = exact(units).add(BigInteger.valueOf(complete ? 0 : part));
    BigInteger ahead = BigInteger.valueOf(complete ? 0 : full - now).multiply(divisor).add(parts);
    BigInteger due = ahead.subtract(exact(pace.bandwidth.burst()));
    BigInteger nanos = due.add(divisor).subtract(BigInteger.ONE).divide(divisor);
    long mine = nanos.signum() <= 0 ? 0 : nanos.min(BigInteger.valueOf(Long.MAX_VALUE)).longValue();
    return next == null ? mine : Math.max(mine, next.nanosUntil(units, now));
  }

  /**
   * Puts units back that were taken and not used. Those that would be back by now had they never
   * been taken, because the burst was complete since then, are not put back a second time.
   */
  Level putBack(int weight, long takenAt) {
    Level rest = next == null ? null : next.putBack(weight, takenAt);
    if (takenAt - since < 0) {
      return new Level(pace, full, part, since, taken, rest);
    }
    int less = part - pace.partOf(weight);
    long then = full - pace.nanosOf(weight) - (less < 0 ? 1 : 0);
    return new Level(pace, then, less < 0 ? less + pace.divisor : less, since, taken, rest);
  }

  /** The same debts in units, at other bandwidths; what is added begins complete. */
  Level at(List<Bandwidth> bandwidths, long now) {
    Level rest = null;
    if (bandwidths.size() > 1) {
      List<Bandwidth> others = bandwidths.subList(1, bandwidths.size());
      rest = next == null ? complete(others, pace.lateness, now) : next.at(others, now);
    }
    Pace other = Pace.of(bandwidths.getFirst(), pace.lateness);
    // debt / interval = units, times the other interval; rounded up, against the newcomers
    BigInteger debt =
        debt(now).multiply(interval(other)).add(exact(1).subtract(BigInteger.ONE)).divide(exact(1));
    BigInteger most =
        BigInteger.valueOf(other.burstNanos).multiply(BigInteger.valueOf(other.divisor));
    BigInteger[] nanos =
        debt.min(most.add(BigInteger.valueOf(other.burstPart)))
            .divideAndRemainder(BigInteger.valueOf(other.divisor));
    long completeSince = isBefore(full, now) ? now : since;
    return new Level(
        other, now + nanos[0].longValue(), nanos[1].intValue(), completeSince, taken, rest);
  }

  /** How many permits were taken so far. */
  long taken() {
    return taken;
  }

  @Override
  public Level level() {
    return this;
  }

  /** Units that can be had at once. */
  int available(long now) {
    int mine = exact(pace.bandwidth.burst()).subtract(debt(now)).divide(exact(1)).intValue();
    return next == null ? mine : Math.min(mine, next.available(now));
  }

  /** The heaviest weight that can ever be had at once. */
  int burst() {
    int mine = pace.bandwidth.burst();
    return next == null ? mine : Math.min(mine, next.burst());
  }

  /** Whether nothing would be lost by starting again from complete bursts. */
  boolean isComplete(long now) {
    return (isBefore(full, now) || (full == now && part == 0))
        && (next == null || next.isComplete(now));
  }

  /** So many intervals, in parts of a nanosecond. */
  private BigInteger exact(long units) {
    return BigInteger.valueOf(units).multiply(interval(pace));
  }

  private static BigInteger interval(Pace pace) {
    return BigInteger.valueOf(pace.whole)
        .multiply(BigInteger.valueOf(pace.divisor))
        .add(BigInteger.valueOf(pace.rest));
  }

  /** What is missing from the burst, in parts of a nanosecond. */
  private BigInteger debt(long now) {
    return isBefore(full, now)
        ? BigInteger.ZERO
        : BigInteger.valueOf(full - now)
            .multiply(BigInteger.valueOf(pace.divisor))
            .add(BigInteger.valueOf(part));
  }

  private static boolean isBefore(long moment, long other) {
    long ahead = moment - other;
    return ahead < 0 || ahead > FARTHEST_AHEAD;
  }
}
