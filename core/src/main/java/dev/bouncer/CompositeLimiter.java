package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * One permit of several limiters, or none: {@link Limiter#allOf}.
 *
 * <h2>How it works</h2>
 *
 * <p>Requests stand in this limiter's own line. A newcomer that finds it empty tries all parts and
 * gives back what it got if one has none. For the first in line one {@link Claim} negotiates with
 * the parts; when it has a permit of each, the head is served from it. A claim belongs to a weight,
 * not to a waiter: if the head gives up, the next one of the same weight inherits it.
 *
 * <p>The parts are asked without this limiter's lock, because whatever is given back to them runs
 * the code of users. So the books of this class are nothing but what claims have brought in.
 */
final class CompositeLimiter extends QueuedLimiter {
  private final Parts parts;

  /** Of a key that has a global limiter above: this one is idle if the key's own is. */
  private final @Nullable QueuedLimiter ownOfKey;

  private final LongAdder acquired = new LongAdder();

  /** Permits that are out or being collected. */
  private final UseCount uses = new UseCount();

  /** A look at the uses; all parts were idle after it. */
  private volatile long idleLook;

  /** What the parts that are not ours said when they were asked last. */
  private volatile List<LimiterStats> seenElsewhere = List.of();

  private final GrantedPermits<CompositePermit> granted = new GrantedPermits<>();

  // Written under the lock.
  private volatile boolean queued;
  private volatile boolean closed;

  // Guarded by the lock.
  private @Nullable Claim claim;
  private @Nullable CompositePermit broughtIn;

  private CompositeLimiter(Parts parts, @Nullable QueuedLimiter ownOfKey, Timing timing) {
    super(parts.name(), Integer.MAX_VALUE, WhenFull.REJECT, timing);
    this.parts = parts;
    this.ownOfKey = ownOfKey;
  }

  static CompositeLimiter of(Limiter first, Limiter... others) {
    return of(Timing.SYSTEM, first, others);
  }

  static CompositeLimiter of(Timing timing, Limiter first, Limiter... others) {
    return new CompositeLimiter(Parts.of(first, others), null, timing);
  }

  /** The own limiter of a key and the one above all keys. */
  static CompositeLimiter ofKey(
      KeyLimiter<?> key, QueuedLimiter own, Limiter global, Timing timing) {
    return new CompositeLimiter(Parts.ofKey(Part.presentOwnOf(key, own), global), own, timing);
  }

  Parts parts() {
    return parts;
  }

  // The books.

  @Override
  @Nullable Permit tryTake(int weight) {
    CompositePermit permit = queued || closed || !uses.begin() ? null : tryParts(weight);
    if (permit == null && !closed) {
      lookElsewhere(); // the slow path goes by that: it holds the lock
    }
    return permit;
  }

  private @Nullable CompositePermit tryParts(int weight) {
    PartPermits taken = new PartPermits(parts, weight);
    boolean complete = false;
    boolean partIsClosed = false;
    try {
      complete = taken.takeMissing() == parts.size();
    } catch (LimiterClosedException found) {
      partIsClosed = true;
    } catch (LimiterFullException | IllegalArgumentException refused) {
      // the slow path says so, for all parts together
    } finally {
      if (!complete) {
        try {
          taken.giveBackFrom(0);
        } finally {
          uses.end();
        }
      }
    }
    if (complete) {
      acquired.increment();
      return new CompositePermit(this, weight, taken.complete());
    }
    if (partIsClosed) {
      close();
    }
    return null;
  }

  /** All parts of a permit were given back. */
  void gaveBack() {
    uses.end();
  }

  @Override
  boolean take(int weight) {
    CompositePermit permit = broughtIn;
    if (permit == null || permit.weight() != weight) {
      return false;
    }
    broughtIn = null;
    permit.granted = true;
    acquired.increment();
    granted.add(permit);
    return true;
  }

  @Override
  Permit permit(int weight) {
    return granted.remove(weight);
  }

  @Override
  boolean passOn() {
    return false; // parts are given back to themselves
  }

  @Override
  void setQueued(boolean queued) {
    this.queued = queued;
  }

  @Override
  void setClosed() {
    closed = true;
  }

  @Override
  public boolean isClosed() {
    return closed;
  }

  /** Nobody would tell this line that the limit of a part has risen again. */
  @Override
  boolean stepsAside(int weight) {
    return false;
  }

  @Override
  boolean freedByTime() {
    return true;
  }

  @Override
  OptionalLong nanosUntil(long units) {
    OptionalLong longest = OptionalLong.empty();
    for (Part part : parts.all()) {
      QueuedLimiter ours = part.ours();
      if (ours != null) {
        // the first in line stands there already, in the claim
        Claim running = claim;
        long twice = running == null ? 0 : running.unitsInLineOf(part);
        OptionalLong nanos = ours.untilTurnNow(units - twice);
        if (nanos.isPresent()) {
          longest = OptionalLong.of(Math.max(longest.orElse(0), nanos.getAsLong()));
        }
      }
    }
    return longest;
  }

  // The numbers.

  /**
   * Asks the parts that are not ours. Not with the lock held: such a part may hold one of its own
   * while it completes a future, whose actions come for this one.
   */
  @Override
  void lookElsewhere() {
    List<LimiterStats> seen = null;
    for (Part part : parts.all()) {
      QueuedLimiter ours = part.ours();
      if (ours != null) {
        ours.lookElsewhere();
      } else {
        seen = seen == null ? new ArrayList<>() : seen;
        seen.add(part.stats());
      }
    }
    if (seen != null) {
      seenElsewhere = seen;
    }
  }

  @Override
  int heaviest() {
    int least = Integer.MAX_VALUE;
    for (Part part : parts.all()) {
      QueuedLimiter ours = part.ours();
      least = ours == null ? least : Math.min(least, ours.heaviest());
    }
    for (LimiterStats seen : seenElsewhere) {
      least = Math.min(least, seen.limit());
    }
    return Math.max(least, 1);
  }

  @Override
  Books books() {
    int limit = Integer.MAX_VALUE;
    int available = Integer.MAX_VALUE;
    for (Part part : parts.all()) {
      QueuedLimiter ours = part.ours();
      if (ours != null) {
        Books books = ours.booksNow();
        limit = Math.min(limit, books.limit());
        available = Math.min(available, books.limit() - books.inUse());
      }
    }
    for (LimiterStats seen : seenElsewhere) {
      limit = Math.min(limit, seen.limit());
      available = Math.min(available, seen.available());
    }
    return new Books(limit, limit - available, acquired.sum());
  }

  @Override
  public String toString() {
    LimiterStats now = stats();
    return "%s[limit=%d inUse=%d available=%d waiting=%d%s]"
        .formatted(
            now.name(),
            now.limit(),
            now.inUse(),
            now.available(),
            now.waiting(),
            closed ? " closed" : "");
  }

  // Retiring.

  /** Asks all parts whether they are idle; {@link #retireIfIdle} goes by that. */
  void lookWhetherIdle() {
    long look = uses.now();
    if (UseCount.isUnused(look) && parts.all().stream().allMatch(CompositeLimiter::isIdle)) {
      idleLook = look;
    }
  }

  private static boolean isIdle(Part part) {
    LimiterStats now = part.stats();
    return now.inUse() <= 0 && now.waiting() == 0;
  }

  /**
   * Nobody has or collects a permit, and what the parts have handed out has come back by itself. If
   * it is the limiter of a key, the key's own limiter is retired in the same step: who has a permit
   * has one of that, and whoever comes for one meanwhile finds that closed and then this one.
   * Otherwise the parts are idle if nobody has come since they were seen to be.
   */
  @Override
  boolean setClosedIfIdle() {
    closed = ownOfKey == null ? uses.retire(idleLook) : ownOfKey.retireIfIdle();
    return closed;
  }

  /** What has to be retired: the own limiter of a key, or this one itself. */
  QueuedLimiter own() {
    return ownOfKey == null ? this : ownOfKey;
  }

  // Claims.

  @Override
  void headWaits(int weight, Outbox outbox) {
    Claim running = claim;
    if (running != null && running.weight() == weight) {
      return;
    }
    cancelClaim(outbox);
    Claim next = new Claim(this, weight);
    claim = next;
    var _ = uses.begin(); // ended by the permit that it brings in, or by its own end
    outbox.afterwards(() -> Callbacks.run(timing, next::negotiate));
  }

  @Override
  void nobodyWaits(Outbox outbox) {
    cancelClaim(outbox);
  }

  private void cancelClaim(Outbox outbox) {
    Claim running = claim;
    if (running != null) {
      claim = null;
      outbox.afterwards(() -> Callbacks.run(timing, running::cancel));
    }
  }

  /** Serves the head from what a claim has got; what nobody wants any more goes back. */
  void bringIn(Claim from, PartPermits parts) {
    CompositePermit permit = new CompositePermit(this, from.weight(), parts.complete());
    changeBooks(() -> {
      if (claim == from) {
        claim = null;
        broughtIn = permit;
      }
    });
    boolean unused =
        askUnderLock(() -> {
          if (broughtIn == permit) {
            broughtIn = null;
          }
          return !permit.granted;
        });
    if (unused) {
      permit.close(Outcome.UNUSED);
    }
  }

  /** A claim has ended without a permit. */
  void claimEnded() {
    uses.end();
  }

  /** Sends away whom the claim was for, if that is still the first in line. */
  void refuse(Claim failed, RuntimeException reason) {
    refuseHeadIf(
        () -> {
          boolean mine = claim == failed;
          claim = mine ? null : claim;
          return mine;
        },
        reason);
  }
}
