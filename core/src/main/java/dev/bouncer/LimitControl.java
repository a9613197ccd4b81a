package dev.bouncer;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Decides on the limit of an {@link AdaptiveLimiter}: collects what permits report into windows,
 * asks the algorithm, and answers refusals. Guarded by itself; runs no code of users but the
 * algorithm.
 *
 * <h2>The rules</h2>
 *
 * <ul>
 *   <li>A window ends with the report that makes it old enough and full enough. Only work that
 *       began after the last change counts, so the effect of a change is seen before the next; and
 *       a window lasts at least twice as long as that work, or it would see none but the short.
 *   <li>If the limit was never reached, it is not what held the work back, and nothing follows.
 *   <li>The first refusal cuts at once, to nine tenths of what was in use, and below the last rise:
 *       to the limit under which nobody was refused. If refusals go on, the next cuts are deeper,
 *       by the share that was refused, down to the half; but not below nine tenths of what the
 *       service was seen to be at work on, by Little's law. Work that began before a cut says
 *       nothing about it, and there is at most one cut a window (RFC 5681 has the same rules for
 *       one flight of TCP).
 *   <li>What was in use when a first refusal came is a <i>ceiling</i>. It is not reached again
 *       before some time has passed; that time doubles whenever it turns out to be too high still,
 *       up to {@link #LONGEST_PROBE}, and longer where little work comes. So a service with a fixed
 *       capacity refuses next to nothing.
 *   <li>Below half of the ceiling the limit doubles each window (slow start), at the beginning and
 *       after an outage. From there each window goes half of the way that is left to the ceiling;
 *       and when that has held, beyond it, by one, two, four and so on up to an eighth of the limit
 *       (Xu, Harfoush and Rhee, "Binary Increase Congestion Control", 2004). One more each window
 *       would take a quarter of a minute where the work is slow, and so the windows are long.
 * </ul>
 */
final class LimitControl {
  private static final int ENOUGH_SAMPLES = 10;

  /** A window with fewer samples ends after so many times its length. */
  private static final int PATIENCE = 10;

  /**
   * A window lasts so many times as long as the work, or only short work would begin and end in it.
   */
  private static final int LONGER_THAN_WORK = 2;

  private static final double GENTLEST_CUT = 0.9;
  private static final double DEEPEST_CUT = 0.5;

  /** A limit is reached if so much of it was in use: heavy permits may not fit the rest. */
  private static final double REACHED = 0.8;

  static final Duration SHORTEST_PROBE = Duration.ofSeconds(1);
  static final Duration LONGEST_PROBE = Duration.ofSeconds(8);

  /** What is beyond a ceiling is not approached faster than by this part of the limit. */
  private static final int STRIDES = 8;

  /** What was refused twice is not tried again before so many answers, or the longest rest. */
  private static final int ANSWERS_A_PROBE = 100;

  static final Duration LONGEST_REST = Duration.ofSeconds(15);

  private final LimitAlgorithm algorithm;
  private final int minLimit;
  private final int maxLimit;
  private final long windowNanos;

  /** Read without the lock too: an algorithm may take its time, or ask its limiter something. */
  private volatile double limit;

  // The window.
  private long windowStart;
  private int samples;
  private int drops;
  private long totalNanos;
  private double totalSquares;
  private long leastNanos;
  private int mostInUse;

  /** Of the window before: what is refused now may have begun then. */
  private int mostInUseBefore;

  private boolean reached;

  // Refusals.
  private boolean neverCut = true;
  private long lastCut;
  private long answersSinceCut;
  private boolean refusing;
  private double ceiling = Double.POSITIVE_INFINITY;
  private double slowStartBelow;

  /** How far beyond a ceiling that has held; zero if there was none. */
  private double stride;

  /** The limit of the last window, if nobody was refused in it or since. */
  private double unrefused = Double.POSITIVE_INFINITY;

  private long probeNanos = SHORTEST_PROBE.toNanos();

  LimitControl(
      LimitAlgorithm algorithm,
      int initialLimit,
      int minLimit,
      int maxLimit,
      long windowNanos,
      long now) {
    this.algorithm = algorithm;
    this.minLimit = minLimit;
    this.maxLimit = maxLimit;
    this.windowNanos = windowNanos;
    this.limit = initialLimit;
    this.slowStartBelow = maxLimit;
    beginWindow(now);
  }

  /** A decision, with its reason in words. */
  record Change(int from, int to, String reason) {}

  int limit() {
    return (int) limit;
  }

  int maxLimit() {
    return maxLimit;
  }

  /** The work was refused for want of capacity. */
  synchronized @Nullable Change dropped(long began, long now, int inUse) {
    drops++;
    see(inUse, false);
    boolean ofAnOlderFlight = !neverCut && (began - lastCut < 0 || now - lastCut < windowNanos);
    if (ofAnOlderFlight) {
      return null;
    }
    double from = Math.min(limit, Math.max(Math.max(mostInUse, mostInUseBefore), minLimit));
    double share = drops / (double) (drops + samples);
    double factor = Math.clamp(1 - share, DEEPEST_CUT, GENTLEST_CUT);
    if (!refusing) {
      stride = 0;
      refusing = true;
      factor = GENTLEST_CUT;
      boolean sameAsBefore = (int) from >= (int) ceiling;
      probeNanos =
          sameAsBefore
              ? Math.min(2 * probeNanos, LONGEST_PROBE.toNanos())
              : SHORTEST_PROBE.toNanos();
      ceiling = from;
      slowStartBelow = from / 2;
    }
    neverCut = false;
    lastCut = now;
    answersSinceCut = 0;
    String reason = "refused: %d of %d, %d in use".formatted(drops, drops + samples, inUse);
    double next = Math.max(from * factor, GENTLEST_CUT * taken(now));
    next = Math.min(next, Math.min(unrefused, from - 1));
    unrefused = Double.POSITIVE_INFINITY;
    return change(next, now, reason);
  }

  /**
   * What the service was at work on at once, on average, as far as it ended well: the sum of the
   * times over the time in which such work could begin and end. Zero if nothing is known yet.
   */
  private double taken(long now) {
    double mean = samples == 0 ? 0 : totalNanos / (double) samples;
    double length = now - windowStart - mean;
    return length <= mean ? 0 : totalNanos / length; // too short, also if both are zero
  }

  /** The work ended well. */
  synchronized @Nullable Change succeeded(long began, long now, int inUse, boolean othersWait) {
    if (began - windowStart < 0) {
      return null;
    }
    see(inUse, othersWait);
    long nanos = Math.max(now - began, 0);
    samples++;
    answersSinceCut++;
    totalNanos += nanos;
    totalSquares += (double) nanos * nanos;
    leastNanos = Math.min(leastNanos, nanos);
    long age = now - windowStart;
    boolean over =
        age >= windowNanos
            && age >= LONGER_THAN_WORK * (totalNanos / samples)
            && (samples >= ENOUGH_SAMPLES || age / PATIENCE >= windowNanos);
    return over ? windowOver(now) : null;
  }

  private void see(int inUse, boolean othersWait) {
    mostInUse = Math.max(mostInUse, inUse);
    reached |= othersWait || inUse >= REACHED * (int) limit;
  }

  private @Nullable Change windowOver(long now) {
    if (drops > 0) {
      beginWindow(now); // of an older flight, or too soon after the last cut: neither good nor bad
      return null;
    }
    refusing = false;
    unrefused = limit;
    if (!reached) {
      beginWindow(now);
      return null;
    }
    double proposal =
        algorithm.propose(
            new LimitAlgorithm.Window(
                limit,
                samples,
                Duration.ofNanos(totalNanos / samples),
                Duration.ofNanos(Math.round(standardError())),
                Duration.ofNanos(leastNanos)));
    if (Double.isNaN(proposal)) {
      proposal = limit;
    }
    if (proposal < limit) {
      slowStartBelow = 0;
      stride = 0;
      return change(proposal, now, "slower: " + times());
    }
    return change(raised(proposal, now), now, "room: " + times());
  }

  private boolean mayProbe(long now) {
    long rest = now - lastCut;
    boolean first = probeNanos == SHORTEST_PROBE.toNanos();
    return rest >= probeNanos
        && (first || answersSinceCut >= ANSWERS_A_PROBE || rest >= LONGEST_REST.toNanos());
  }

  /** How far off the mean of such a sample usually is. */
  private double standardError() {
    double mean = totalNanos / (double) samples;
    if (samples == 1) {
      return mean; // one says nothing about chance
    }
    double variance = Math.max(0, totalSquares / samples - mean * mean);
    return Math.sqrt(variance / (samples - 1));
  }

  private double raised(double proposal, long now) {
    if (limit < slowStartBelow) {
      return belowCeiling(Math.max(proposal, Math.min(2 * limit, slowStartBelow)), now);
    }
    if ((int) limit >= (int) ceiling) {
      ceiling = Double.POSITIVE_INFINITY; // a window at the ceiling, and nobody was refused
      probeNanos = SHORTEST_PROBE.toNanos();
      stride = 1;
    }
    if (ceiling < Double.POSITIVE_INFINITY) {
      return belowCeiling(Math.max(proposal, (limit + Math.floor(ceiling) - 1) / 2), now);
    }
    double next = Math.max(proposal, limit + stride);
    stride = Math.min(2 * stride, Math.max(1, limit / STRIDES));
    return next;
  }

  /** As far as that, but not yet to what was refused before, unless it is time to try it again. */
  private double belowCeiling(double next, long now) {
    if ((int) next < (int) ceiling) {
      return next;
    }
    return mayProbe(now) ? ceiling : Math.max(limit, Math.floor(ceiling) - 1);
  }

  private String times() {
    return "%d took %s on average, %s at least"
        .formatted(samples, Duration.ofNanos(totalNanos / samples), Duration.ofNanos(leastNanos));
  }

  private @Nullable Change change(double next, long now, String reason) {
    int from = (int) limit;
    limit = Math.clamp(next, minLimit, maxLimit);
    beginWindow(now);
    return (int) limit == from ? null : new Change(from, (int) limit, reason);
  }

  private void beginWindow(long now) {
    windowStart = now;
    samples = 0;
    drops = 0;
    totalNanos = 0;
    totalSquares = 0;
    leastNanos = Long.MAX_VALUE;
    mostInUseBefore = mostInUse;
    mostInUse = 0;
    reached = false;
  }
}
