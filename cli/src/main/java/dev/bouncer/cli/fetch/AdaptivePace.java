package dev.bouncer.cli.fetch;

import java.time.Duration;

/**
 * Finds how many calls in a time one server takes. A limit of calls in flight cannot: a server that
 * answers in 5 ms and takes 50 calls a second refuses most of what one single caller sends.
 *
 * <p>The pace begins slowly and doubles again and again until a call is refused (slow start, as in
 * RFC 5681). A refusal makes everybody stand back: one call at a time asks whether the server is
 * ready again, less and less often if it is not. Once one is answered, the pace is a little less
 * than what the server has answered in the second before the refusal, which is what it takes when
 * it is asked for too much; but not much less than it was, as one second may tell little. From time
 * to time a slightly faster pace is tried, in growing steps as long as that goes well; when it ends
 * at the same pace as before, the next try waits twice as long, up to half a minute. A pace that
 * something else keeps from being reached comes down, so that it is no surprise when that gives way
 * (RFC 7661).
 *
 * <p>Not thread-safe.
 */
final class AdaptivePace {
  /** A late alarm may be followed by calls that are closer together, but not by many. */
  static final Duration CATCH_UP = Duration.ofMillis(5);

  private static final long SECOND = 1_000_000_000L;
  private static final int BUCKETS_A_SECOND = 20;
  private static final int BUCKETS = 5 * BUCKETS_A_SECOND;
  private static final long BUCKET_NANOS = SECOND / BUCKETS_A_SECOND;

  private static final double FIRST = 20;
  private static final double SLOWEST = 0.2;
  private static final long FASTEST_NANOS = 1_000;
  private static final long DOUBLED_EVERY = SECOND * 2 / 5;

  private static final double BELOW = 0.95;

  /**
   * One second may have had few answers by chance: one refusal cuts the pace by no more than so.
   */
  private static final double DEEPEST_CUT = 0.8;

  private static final double[] STEPS = {1.05, 1.05, 1.1, 1.2};

  /** The server takes the same as before if the difference is no more than this part. */
  private static final double SAME = 0.2;

  private static final long SHORTEST_HOLD = SECOND;
  private static final long LONGEST_HOLD = 30 * SECOND;

  /** A try costs a refusal or two: so many calls, but no longer than this, go between two tries. */
  private static final double REST_CALLS = 100;

  /** Where the pace that is right is not known, it is looked for sooner. */
  private static final double SHORT_REST_CALLS = 70;

  private static final long LONGEST_REST = 10 * SECOND;

  private static final long FIRST_STAND_BACK = SECOND / 4;
  private static final long LONGEST_STAND_BACK = 5 * SECOND;

  /** Below this part of the pace, something else holds the calls back. */
  private static final double BUSY = 0.8;

  /** The same while the pace doubles and what was sent at the old one is still on its way. */
  private static final double BUSY_AT_FIRST = 0.4;

  private final long origin;

  /** How many calls were answered in each twentieth of the last seconds. */
  private final int[] answered = new int[BUCKETS];

  private long bucket;

  private double pace = FIRST;
  private boolean slowStart = true;
  private int raises;
  private long nextRaise = DOUBLED_EVERY;
  private long nextDecay;

  private long lastRefusal = -1;
  private long standBack;
  private long hold = SHORTEST_HOLD;
  private double rest = SHORT_REST_CALLS;
  private int takenBefore;

  /** Begins with a slow pace. */
  AdaptivePace(long now) {
    this.origin = now;
  }

  /** Returns the calls a second that are tried at present. */
  double perSecond() {
    return standBack > 0 ? SECOND / (double) standBack : pace;
  }

  /** Returns the time between two calls that is tried at present. */
  Duration interval() {
    return Duration.ofNanos(Math.max(FASTEST_NANOS, Math.round(SECOND / perSecond())));
  }

  /**
   * A call was answered.
   *
   * @param sentAt when it was sent
   * @param placesFull whether more calls would have had to wait, whatever the pace
   */
  void answered(long sentAt, long now, boolean placesFull) {
    long time = at(now);
    answered[(int) (bucket % BUCKETS)]++;
    if (sentAt - origin <= lastRefusal) {
      return;
    }
    if (standBack > 0) {
      standBack = 0;
      long calls = Math.min(LONGEST_REST, Math.round(rest / pace * SECOND));
      nextRaise = time + Math.max(hold, calls);
    } else if (isBusy()) {
      if (time >= nextRaise) {
        pace *= slowStart ? 2 : STEPS[Math.min(raises, STEPS.length - 1)];
        raises++;
        nextRaise = time + (slowStart ? DOUBLED_EVERY : SECOND);
      }
    } else if (placesFull && !slowStart && time >= nextDecay) {
      pace = Math.max(Math.min(pace, answeredIn(SECOND) / BUSY), pace * BELOW);
      nextDecay = time + SECOND / 4;
    }
  }

  private boolean isBusy() {
    return slowStart
        ? answeredIn(DOUBLED_EVERY) * SECOND >= BUSY_AT_FIRST * pace * DOUBLED_EVERY
        : answeredIn(SECOND) >= BUSY * pace;
  }

  /**
   * A call was refused, and the pace is to blame.
   *
   * @param sure whether nothing else can be
   */
  void refused(long now, boolean sure) {
    long time = at(now);
    lastRefusal = time;
    if (standBack > 0) {
      standBack = Math.min(2 * standBack, LONGEST_STAND_BACK);
      return;
    }
    int taken = answeredIn(SECOND);
    boolean sureAgain = sure && Math.abs(taken - takenBefore) <= SAME * taken;
    hold = sureAgain ? Math.min(hold * 2, LONGEST_HOLD) : SHORTEST_HOLD;
    rest = sureAgain ? REST_CALLS : SHORT_REST_CALLS;
    takenBefore = taken;
    pace = Math.max(SLOWEST, BELOW * Math.min(pace, Math.max(taken, pace * DEEPEST_CUT)));
    slowStart = false;
    raises = 0;
    standBack = FIRST_STAND_BACK;
  }

  /** Returns whether more was answered in a second lately than is asked for in this one. */
  boolean isProven(long now) {
    at(now);
    double asked = answeredIn(SECOND);
    if (asked >= BUSY * pace) {
      asked = Math.max(asked, pace); // those on their way count, too
    }
    for (int end = BUCKETS_A_SECOND; end + BUCKETS_A_SECOND <= BUCKETS; end++) {
      if (sum(end, BUCKETS_A_SECOND) >= asked + 1) {
        return true;
      }
    }
    return false;
  }

  /** Nanoseconds since the beginning; forgets what was answered too long ago. */
  private long at(long now) {
    long time = now - origin;
    long current = time / BUCKET_NANOS;
    for (long old = Math.max(bucket + 1, current - BUCKETS + 1); old <= current; old++) {
      answered[(int) (old % BUCKETS)] = 0;
    }
    bucket = Math.max(bucket, current);
    return time;
  }

  private int answeredIn(long nanos) {
    return sum(0, (int) (nanos / BUCKET_NANOS));
  }

  /** How many calls were answered in so many buckets, the last of which is so long ago. */
  private int sum(int bucketsAgo, int buckets) {
    int sum = 0;
    for (int i = 0; i < buckets; i++) {
      long counted = bucket - bucketsAgo - i;
      sum += counted < 0 ? 0 : answered[(int) (counted % BUCKETS)];
    }
    return sum;
  }
}
