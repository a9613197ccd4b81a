package dev.bouncer;

import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The line of a limiter: who is next, and how they give up. A subclass keeps the {@linkplain
 * LimiterBooks books}.
 *
 * <h2>How it works</h2>
 *
 * <p>While nobody waits, a permit is taken and given back by the subclass without this class and
 * without its lock. Whoever finds no room takes the lock and raises the <i>queued</i> flag of the
 * books; from then on newcomers stand in line and whoever gives back comes here, to {@link
 * #admitWaiters}. Under the lock the first in line is served as long as there is room: the books
 * are debited on its behalf <i>before</i> it learns of it, so that nobody can take the permit in
 * between. The flag goes up and down only under the lock, together with the line, so a flag that is
 * up means that somebody waits.
 *
 * <p>The critical sections are a few pointer writes long and run no code of users: threads are
 * unparked and futures completed afterwards. Leaving from anywhere in the line costs O(1); if the
 * first leaves, the next is looked at, because a lighter request may fit now.
 *
 * <p>A request that a lowered limit made impossible steps aside, so that it blocks nobody; when the
 * limit rises, those who stepped aside come back to the head of the line, where they came from.
 */
abstract class ServedLine extends LimiterBooks {
  private static final AtomicLong NUMBERS = new AtomicLong();

  final Timing timing;

  /** Orders all limiters, so that two that are wanted together are waited for in one order. */
  final long number = NUMBERS.incrementAndGet();

  private final String name;
  private final int maxWaiting;
  private final WhenFull whenFull;
  private final long origin;

  /** Its monitor guards everything below, the line's links, and the queued flag of the books. */
  private final WaitingLine line = new WaitingLine();

  private volatile boolean retired;
  private @Nullable Timeouts timeouts;
  private long rejected;
  private long timedOut;
  private long cancelled;

  ServedLine(String name, int maxWaiting, WhenFull whenFull, Timing timing) {
    this.name = name;
    this.maxWaiting = maxWaiting;
    this.whenFull = whenFull;
    this.timing = timing;
    this.origin = timing.nanoTime();
  }

  // Coming.

  /** What comes of a request that did not get its permit at once. */
  enum Entry {
    /** It stands in line. */
    IN_LINE,
    /** There was room after all, and its units are taken. */
    ADMITTED,
    /** It would not be served in time. */
    HOPELESS
  }

  final Entry enter(Waiter waiter, long nanos) {
    Outbox outbox = new Outbox();
    synchronized (line) {
      requireOpen();
      requirePossible(waiter.weight());
      if (line.first() == null) {
        // First the flag, then the look: a permit that is given back meanwhile either is seen by
        // take or its giver sees the flag, and comes to admit.
        setQueued(true);
        if (take(waiter.weight())) {
          setQueued(false);
          return Entry.ADMITTED;
        }
      }
      if (nanos < Long.MAX_VALUE && untilTurn(waiter.weight()).orElse(0) > nanos) {
        timedOut++;
        lowerFlagIfNobodyWaits();
        return Entry.HOPELESS;
      }
      if (line.count() < maxWaiting) {
        append(waiter, outbox);
      } else {
        rejected++;
        Waiter oldest = whenFull == WhenFull.DROP_OLDEST ? line.oldest() : null;
        if (oldest == null) {
          lowerFlagIfNobodyWaits();
          FlightRecording.rejected(name, waiter.weight(), "full", line.count());
          throw full("is full", waiter.weight());
        }
        FlightRecording.rejected(name, oldest.weight(), "dropped", line.count());
        outbox.refused(oldest, full("dropped whoever had waited longest", oldest.weight()));
        append(waiter, outbox);
        leave(oldest, outbox);
      }
    }
    outbox.send(timing);
    return Entry.IN_LINE;
  }

  /** Takes units if there is room and nobody waits. */
  final boolean enterWithoutWaiting(int weight) {
    synchronized (line) {
      requireOpen();
      requirePossible(weight);
      return line.first() == null && take(weight);
    }
  }

  /** When a request that is made now and may wait so long has to give up. */
  final long deadline(long nanos) {
    synchronized (line) {
      return timeouts().deadline(nanos);
    }
  }

  private void requireOpen() {
    if (isClosed()) {
      rejected++;
      FlightRecording.rejected(name, 0, "closed", line.count());
      throw closed();
    }
  }

  final void requirePossible(int weight) {
    if (weight > heaviest()) {
      throw new IllegalArgumentException(
          "weight must not be above the limit: limiter=%s weight=%d limit=%d"
              .formatted(name, weight, books().limit()));
    }
  }

  // Giving up.

  /** Why a waiter leaves the line by itself. */
  enum Departure {
    TIMED_OUT,
    CANCELLED
  }

  /** Leaves the line; false if the waiter is not in line any more. */
  final boolean withdraw(Waiter waiter) {
    return withdraw(waiter, Departure.CANCELLED);
  }

  final boolean withdraw(Waiter waiter, Departure departure) {
    Outbox outbox = new Outbox();
    synchronized (line) {
      if (!waiter.inLine()) {
        return false;
      }
      if (departure == Departure.TIMED_OUT) {
        timedOut++;
      } else {
        cancelled++;
      }
      leave(waiter, outbox);
    }
    outbox.send(timing);
    return true;
  }

  private void expire(Timeouts.Alarm alarm) {
    Outbox outbox = new Outbox();
    synchronized (line) {
      Timeouts due = timeouts();
      if (!due.accept(alarm)) {
        return;
      }
      for (TimedWaiter late = due.due(); late != null; late = due.due()) {
        timedOut++;
        outbox.refused(late, timeout(late.weight(), late.timeout));
        leave(late, outbox);
      }
      due.arm();
    }
    outbox.send(timing);
  }

  private Timeouts timeouts() {
    if (timeouts == null) {
      timeouts = new Timeouts(timing, this::expire);
    }
    return timeouts;
  }

  // Serving the line.

  /** Serves those in line; whoever gave back while the queued flag was up calls this. */
  final void admitWaiters() {
    Outbox outbox = new Outbox();
    synchronized (line) {
      admit(outbox);
    }
    outbox.send(timing);
  }

  /**
   * Hands units that are given back to the first in line without entering them in the books, if it
   * asked for just as many; false if the caller has to enter them.
   */
  final boolean handOver(int weight) {
    Waiter head;
    Outbox others = null;
    synchronized (line) {
      head = line.first();
      if (head == null || head.weight() != weight || weight > heaviest() || !passOn()) {
        return false;
      }
      detach(head);
      head.grant();
      if (line.first() == null || hasRoom()) {
        others = new Outbox();
        others.granted(head);
        admit(others); // with this one gone, the next may fit into what was free before
      }
    }
    if (others == null) {
      Outbox.tell(head, timing);
    } else {
      others.send(timing);
    }
    return true;
  }

  /** Changes the books under the lock, then serves those who fit now. */
  final void changeBooks(Runnable change) {
    Outbox outbox = new Outbox();
    synchronized (line) {
      change.run();
      line.bringBack();
      setQueued(true);
      admit(outbox);
    }
    outbox.send(timing);
  }

  /** Sends the first in line away, if the condition holds, which is asked with the lock held. */
  final void refuseHeadIf(BooleanSupplier condition, RuntimeException reason) {
    Outbox outbox = new Outbox();
    synchronized (line) {
      Waiter head = line.first();
      if (condition.getAsBoolean() && head != null) {
        rejected++;
        outbox.refused(head, reason);
        leave(head, outbox);
      }
    }
    outbox.send(timing);
  }

  final <R> R askUnderLock(Supplier<R> question) {
    synchronized (line) {
      return question.get();
    }
  }

  final void underLock(Runnable action) {
    synchronized (line) {
      action.run();
    }
  }

  /** Grants to the first in line while there is room. */
  private void admit(Outbox outbox) {
    for (Waiter head = line.first(); head != null; head = line.first()) {
      if (stepsAside(head.weight())) {
        line.stepAside(head);
      } else if (take(head.weight())) {
        grant(head, outbox);
      } else {
        headWaits(head.weight(), outbox);
        return;
      }
    }
    setQueued(false);
    nobodyWaits(outbox);
  }

  private void grant(Waiter head, Outbox outbox) {
    detach(head);
    head.grant();
    outbox.granted(head);
  }

  private void append(Waiter waiter, Outbox outbox) {
    line.join(waiter);
    if (waiter instanceof TimedWaiter timed) {
      timeouts().schedule(timed);
    }
    if (line.startsWith(waiter)) {
      headWaits(waiter.weight(), outbox);
    }
  }

  /** Takes a waiter out of the line with nothing; if it was the first, the next may fit. */
  private void leave(Waiter waiter, Outbox outbox) {
    boolean wasFirst = line.startsWith(waiter);
    detach(waiter);
    waiter.leave();
    if (wasFirst) {
      admit(outbox);
    }
  }

  private void detach(Waiter waiter) {
    line.leave(waiter);
    if (waiter instanceof TimedWaiter timed) {
      timeouts().cancel(timed);
    }
  }

  private void lowerFlagIfNobodyWaits() {
    if (line.first() == null) {
      setQueued(false);
    }
  }

  // Closing.

  /** Closes, once: who waits is refused, and so is whoever comes. */
  public final void close() {
    Outbox outbox = new Outbox();
    synchronized (line) {
      if (isClosed()) {
        return;
      }
      setClosed();
      line.bringBack();
      for (Waiter waiter = line.first(); waiter != null; waiter = line.first()) {
        rejected++;
        detach(waiter);
        waiter.leave();
        outbox.refused(waiter, closed());
      }
      setQueued(false);
      nobodyWaits(outbox);
    }
    outbox.send(timing);
  }

  /**
   * Closes the limiter if nothing is in use and nobody waits, so that another one can take its
   * place without anybody noticing: whoever comes too late finds it {@linkplain #isRetired()
   * retired}.
   *
   * @return false if it is busy, or was closed before
   */
  final boolean retireIfIdle() {
    synchronized (line) {
      if (line.count() > 0 || isClosed()) {
        return false;
      }
      retired = true; // before it is closed: whoever finds it closed also sees why
      retired = setClosedIfIdle();
      return retired;
    }
  }

  final boolean isRetired() {
    return retired;
  }

  // Refusing.

  private LimiterClosedException closed() {
    return new LimiterClosedException("the limiter is closed: limiter=" + name);
  }

  private LimiterFullException full(String what, int weight) {
    Duration retryAfter = retryAfter(weight);
    return new LimiterFullException(
        "the line %s: limiter=%s maxWaiting=%d %s%s"
            .formatted(what, name, maxWaiting, books().numbers(line.count()), hint(retryAfter)),
        retryAfter);
  }

  final LimiterTimeoutException timeout(int weight, Duration timeout) {
    synchronized (line) {
      Duration retryAfter = retryAfter(weight);
      return new LimiterTimeoutException(
          "no permit in time: limiter=%s timeout=%s weight=%d %s%s"
              .formatted(name, timeout, weight, books().numbers(line.count()), hint(retryAfter)),
          retryAfter);
    }
  }

  private @Nullable Duration retryAfter(int weight) {
    OptionalLong nanos = untilTurn(weight);
    return nanos.isPresent() ? Duration.ofNanos(nanos.getAsLong()) : null;
  }

  /** Nanoseconds until a newcomer would be served if all who wait stay. */
  private OptionalLong untilTurn(long units) {
    // Not asked without need: who stepped aside has to be told apart, one by one.
    return freedByTime() ? nanosUntil(line.units() + units) : OptionalLong.empty();
  }

  final OptionalLong untilTurnNow(long units) {
    synchronized (line) {
      return untilTurn(units);
    }
  }

  private static String hint(@Nullable Duration retryAfter) {
    return retryAfter == null ? "" : " retryAfter=" + retryAfter;
  }

  // Looking.

  /** The name of the limiter. */
  public final String name() {
    return name;
  }

  /** Time since the limiter was made in units of 2^20 ns; differences are right up to 26 days. */
  final int coarseTime() {
    return (int) ((timing.nanoTime() - origin) >> TimerWheel.TICK_SHIFT);
  }

  final int waitingNow() {
    synchronized (line) {
      return line.count();
    }
  }

  final Books booksNow() {
    synchronized (line) {
      return books();
    }
  }

  /** One look at everything. */
  public final LimiterStats stats() {
    lookElsewhere();
    synchronized (line) {
      Books books = books();
      Waiter oldest = line.oldest();
      long longestWait =
          oldest == null ? 0 : (long) (coarseTime() - oldest.since) << TimerWheel.TICK_SHIFT;
      return new LimiterStats(
          name,
          books.limit(),
          books.inUse(),
          books.limit() - books.inUse(),
          line.count(),
          books.acquired(),
          rejected,
          timedOut,
          cancelled,
          Duration.ofNanos(longestWait));
    }
  }
}
