package dev.bouncer.cli.fetch;

import dev.bouncer.AdaptiveLimiter;
import dev.bouncer.Limiter;
import dev.bouncer.Outcome;
import dev.bouncer.RateLimiter;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * Learns from the answers of one server how many calls it takes at once and how many in a time.
 *
 * <p>A refusal does not say which of the two was too much:
 *
 * <ul>
 *   <li>If as many calls at once were mostly answered lately, it was the pace.
 *   <li>Otherwise it was the calls in flight; and if the next refusal comes within a second, the
 *       pace may have been too fast as well.
 *   <li>If neither is more than was answered lately, the server takes less than it did: what was
 *       known is forgotten.
 *   <li>What was sent before a refusal was known is an echo of it and says nothing.
 * </ul>
 *
 * <p>Thread-safe.
 */
final class AdaptiveHost {
  /** So many calls tell what is taken at present. */
  private static final int REMEMBERED = 64;

  private static final int ANSWERS_THAT_PROVE = 3;
  private static final long SOON = 1_000_000_000L;

  private final AdaptiveLimiter places;
  private final RateLimiter rate;
  private final LongSupplier nanoTime;

  /** What the rate has to be set to. Written with the lock held. */
  private volatile Duration interval;

  // Guarded by this.
  private final AdaptivePace pace;
  private int inFlight;

  /** How many were in flight when each of the last calls was sent; negative if it was refused. */
  private final int[] levels = new int[REMEMBERED];

  private int known;
  private long lastRefusal;
  private boolean neverRefused = true;
  private boolean placesWereCut;

  /**
   * Begins to learn.
   *
   * @param places which limits the calls in flight
   * @param rate which keeps the pace
   */
  AdaptiveHost(AdaptiveLimiter places, RateLimiter rate, LongSupplier nanoTime) {
    this.places = places;
    this.rate = rate;
    this.nanoTime = nanoTime;
    this.pace = new AdaptivePace(nanoTime.getAsLong());
    this.interval = pace.interval();
    setRate();
  }

  /**
   * Creates the limiter of a server that nothing is known of.
   *
   * @param most how many calls in flight at most
   */
  static Limiter limiter(int most) {
    AdaptiveLimiter places = AdaptiveLimiter.builder().maxLimit(most).build();
    RateLimiter rate =
        RateLimiter.builder(1, Duration.ofSeconds(1)).catchUp(AdaptivePace.CATCH_UP).build();
    AdaptiveHost host = new AdaptiveHost(places, rate, System::nanoTime);
    return new ObservedLimiter(Limiter.allOf(places, rate), host::sent);
  }

  /** A call is sent; what is returned has to be told how it ended. */
  synchronized ObservedLimiter.Return sent() {
    int level = ++inFlight;
    long sentAt = nanoTime.getAsLong();
    return (permit, outcome) -> {
      Duration before = interval;
      Outcome learned = ended(level, sentAt, outcome);
      if (!interval.equals(before)) {
        setRate();
      }
      permit.close(learned);
    };
  }

  /**
   * Without the lock, because it lets those go who wait. Whoever is late sets what is right by
   * then.
   */
  private void setRate() {
    Duration latest;
    do {
      latest = interval;
      rate.setRate(1, latest);
    } while (!latest.equals(interval));
  }

  /** Learns from a call that has ended; returns what that says about the calls in flight. */
  private synchronized Outcome ended(int level, long sentAt, Outcome outcome) {
    inFlight--;
    long now = nanoTime.getAsLong();
    if (outcome == Outcome.SUCCESS) {
      remember(level);
      pace.answered(sentAt, now, places.available() <= 0);
    }
    Outcome learned = outcome == Outcome.DROPPED ? refused(level, sentAt, now) : outcome;
    interval = pace.interval();
    return learned;
  }

  private Outcome refused(int level, long sentAt, long now) {
    if (!neverRefused && sentAt - lastRefusal <= 0) {
      return Outcome.IGNORED; // an echo
    }
    boolean soon = !neverRefused && now - lastRefusal <= SOON;
    neverRefused = false;
    lastRefusal = now;
    boolean levelIsProven = level == 1 || isProven(level);
    boolean paceIsProven = level > 1 && pace.isProven(now);
    if (levelIsProven && paceIsProven) {
      Arrays.fill(levels, 0);
    }
    remember(-level);
    if (levelIsProven || (soon && placesWereCut && !paceIsProven)) {
      pace.refused(now, levelIsProven && !paceIsProven);
    }
    placesWereCut = !levelIsProven;
    return levelIsProven ? Outcome.IGNORED : Outcome.DROPPED;
  }

  private void remember(int level) {
    levels[known] = level;
    known = (known + 1) % REMEMBERED;
  }

  /** Whether calls that met so many others, or more, were mostly answered. */
  private boolean isProven(int level) {
    int answers = 0;
    int refusals = 0;
    for (int other : levels) {
      answers += other >= level ? 1 : 0;
      refusals += other <= -level ? 1 : 0;
    }
    return answers >= ANSWERS_THAT_PROVE && answers > 2 * refusals;
  }

  /** Returns the calls a second that are tried at present. */
  synchronized double perSecond() {
    return pace.perSecond();
  }

  @Override
  public String toString() {
    return "AdaptiveHost[perSecond=%.1f limit=%d]".formatted(perSecond(), places.limit());
  }
}
