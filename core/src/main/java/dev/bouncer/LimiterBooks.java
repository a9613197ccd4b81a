package dev.bouncer;

import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How much of a limiter is in use, as its {@linkplain ServedLine line} sees it. Each kind of
 * limiter keeps its own books; the line asks and tells them, always with its lock held, except for
 * {@link #tryTake}, {@link #heaviest} and {@link #isClosed}.
 */
abstract class LimiterBooks {

  /**
   * Takes a permit without the lock, if there is room, nobody waits and nothing else is amiss; else
   * null.
   */
  abstract @Nullable Permit tryTake(int weight);

  /** Takes units for the first in line, if there are enough. */
  abstract boolean take(int weight);

  /** False if nobody in line can be served, whatever the weight. */
  boolean hasRoom() {
    return true;
  }

  /** Counts units that go from hand to hand; false if they must not, but go back to the books. */
  abstract boolean passOn();

  /**
   * Makes {@link #tryTake} fail, and whoever gives back call {@link ServedLine#admitWaiters}, or
   * not.
   */
  abstract void setQueued(boolean queued);

  /** Makes {@link #tryTake} fail for good. */
  abstract void setClosed();

  /** The same, but only if nothing is in use, in one step against every {@link #tryTake}. */
  abstract boolean setClosedIfIdle();

  public abstract boolean isClosed();

  /** The heaviest weight that is worth waiting for: the limit, but at least 1. */
  abstract int heaviest();

  /** Whether a request in line is not worth waiting for any more, because the limit was lowered. */
  boolean stepsAside(int weight) {
    return weight > heaviest();
  }

  /** The numbers of the books, to which the line adds its own. */
  abstract Books books();

  /**
   * Looks at what must not be asked with the lock held, so without it, before {@link #books} and
   * {@link #heaviest} are asked with it.
   */
  void lookElsewhere() {}

  /** Whoever is first in line now was not served. */
  void headWaits(int weight, Outbox outbox) {}

  /** The line has become empty. */
  void nobodyWaits(Outbox outbox) {}

  /** Whether time frees units, so that {@link #nanosUntil} may know an answer. */
  boolean freedByTime() {
    return false;
  }

  /** Nanoseconds until so many units will have become free, if time alone decides that. */
  OptionalLong nanosUntil(long units) {
    return OptionalLong.empty();
  }

  /**
   * One look at the books.
   *
   * @param limit units that may be in use
   * @param inUse units that are
   * @param acquired permits handed out so far
   */
  record Books(int limit, int inUse, long acquired) {
    String numbers(int waiting) {
      return "limit=%d inUse=%d available=%d waiting=%d"
          .formatted(limit, inUse, limit - inUse, waiting);
    }
  }
}
