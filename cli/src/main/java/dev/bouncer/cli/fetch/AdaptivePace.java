package dev.bouncer.cli.fetch;

import dev.bouncer.RateLimiter;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Finds how many calls in a time one server takes. An adaptive limit of calls in flight cannot: a
 * server that answers in 5 ms and takes 50 calls a second refuses most of what one single caller
 * sends.
 *
 * <p>There is no pace until a call is refused. Then it becomes a little less than what the server
 * has answered in the last second, which is what it takes when it is asked for too much. From time
 * to time a slightly faster pace is tried, in growing steps as long as that goes well; when it does
 * not, the next try waits twice as long, up to half a minute. After an outage the pace doubles
 * until it is half of what was right before. Refusals in the second after a change for the worse
 * are echoes and change nothing. Thread-safe.
 */
final class AdaptivePace {
  private static final long SECOND = 1_000_000_000L;
  private static final int BUCKETS_A_SECOND = 10;
  private static final int BUCKETS = 2 * BUCKETS_A_SECOND;
  private static final long BUCKET_NANOS = SECOND / BUCKETS_A_SECOND;

  private static final double BELOW = 0.95;
  private static final double[] STEPS = {1.05, 1.05, 1.1, 1.2, 1.4, 2};
  private static final int STEPS_THAT_PROVE = 3;
  private static final long SHORTEST_HOLD = SECOND;
  private static final long LONGEST_HOLD = 30 * SECOND;

  /** A try costs a refusal or two: so many calls, but no longer than this, go between two tries. */
  private static final double REST_CALLS = 60;

  private static final long LONGEST_REST = 10 * SECOND;

  private static final double SLOWEST = 0.2;

  /** Below this part of the pace, something else holds the calls back. */
  private static final double BUSY = 0.8;

  private final LongSupplier nanoTime;
  private final RateLimiter limiter = RateLimiter.of(1, Duration.ofNanos(1_000));

  // Guarded by this.
  private final int[] answered = new int[BUCKETS];
  private final long start;
  private long bucket;
  private double pace = Double.POSITIVE_INFINITY;
  private long nextCut = SECOND; // before that, what was answered says little
  private long nextRaise;
  private long hold = SHORTEST_HOLD;
  private int raises;
  private double proven;

  AdaptivePace(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.start = nanoTime.getAsLong();
  }

  /** Returns what keeps to the pace. */
  RateLimiter limiter() {
    return limiter;
  }

  /** Returns the calls a second, infinite while nothing was refused. */
  synchronized double perSecond() {
    return pace;
  }

  /** A call was answered. */
  synchronized void answered() {
    long now = now();
    answered[(int) (bucket % BUCKETS)]++;
    if (pace < Double.POSITIVE_INFINITY
        && now >= nextRaise
        && answeredInLastSecond() >= BUSY * pace) {
      proven = Math.max(proven, pace);
      boolean healing = pace < proven / 2;
      pace *= healing ? 2 : STEPS[Math.min(raises, STEPS.length - 1)];
      raises++;
      if (raises >= STEPS_THAT_PROVE) {
        hold = SHORTEST_HOLD;
      }
      nextRaise = now + SECOND;
      apply();
    }
  }

  /** A call was refused. */
  synchronized void refused() {
    long now = now();
    if (now < nextCut) {
      return;
    }
    boolean tried = raises > 0 && raises < STEPS_THAT_PROVE;
    hold = tried ? Math.min(hold * 2, LONGEST_HOLD) : SHORTEST_HOLD;
    raises = 0;
    int taken = answeredInLastSecond();
    if (taken > 0) { // an outage says nothing about the pace that was right before it
      proven = Math.min(proven, pace);
    }
    // Without a pace, calls come in bursts: a second that was full is followed by an empty one.
    double known =
        Double.isInfinite(pace)
            ? Math.max(taken, answered(1))
            : Math.min(pace, Math.max(taken, pace / 2));
    pace = Math.max(SLOWEST, known * BELOW);
    nextCut = now + SECOND;
    nextRaise =
        now + Math.max(hold, Math.min(LONGEST_REST, Math.round(REST_CALLS / pace * SECOND)));
    apply();
  }

  /** Nanoseconds since the beginning; forgets what was answered more than two seconds ago. */
  private long now() {
    long now = nanoTime.getAsLong() - start;
    long current = now / BUCKET_NANOS;
    for (long old = Math.max(bucket + 1, current - BUCKETS + 1); old <= current; old++) {
      answered[(int) (old % BUCKETS)] = 0;
    }
    bucket = Math.max(bucket, current);
    return now;
  }

  private int answeredInLastSecond() {
    return answered(0);
  }

  /** How many calls were answered in the second that ended so many seconds ago. */
  private int answered(int secondsAgo) {
    int sum = 0;
    for (int i = 0; i < BUCKETS_A_SECOND; i++) {
      long counted = bucket - (long) secondsAgo * BUCKETS_A_SECOND - i;
      sum += counted < 0 ? 0 : answered[(int) (counted % BUCKETS)];
    }
    return sum;
  }

  private void apply() {
    limiter.setRate(1, Duration.ofNanos(Math.max(1_000, Math.round(SECOND / pace))));
  }
}
