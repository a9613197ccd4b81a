package dev.bouncer;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A limiter with one line of waiters, blocking and asynchronous ones mixed. A subclass keeps the
 * books (how much is in use) and this class keeps the line (who is next, and how they give up).
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
abstract class QueuedLimiter implements Limiter {
  final Timing timing;
  private final String name;
  private final int maxWaiting;
  private final WhenFull whenFull;
  private final long origin;

  /** Guards everything below, the line's links, and the queued flag of the books. */
  private final Object lock = new Object();

  private final Line line = new Line();
  private final Line aside = new Line();
  private int waiting; // in line and aside
  private @Nullable TimerWheel timeouts;
  private @Nullable Alarm alarm; // the one on the clock
  private long rejected;
  private long timedOut;
  private long cancelled;

  QueuedLimiter(String name, int maxWaiting, WhenFull whenFull, Timing timing) {
    this.name = name;
    this.maxWaiting = maxWaiting;
    this.whenFull = whenFull;
    this.timing = timing;
    this.origin = timing.nanoTime();
  }

  // The books. All but tryTake and heaviest are called with the lock held.

  /** A permit without the lock, if there is room, nobody waits and nothing else is amiss. */
  abstract @Nullable Permit tryTake(int weight);

  /** Takes units for the first in line, if there are enough. */
  abstract boolean take(int weight);

  /** Makes {@link #tryTake} fail, and whoever gives back call {@link #admitWaiters}, or not. */
  abstract void setQueued(boolean queued);

  /** Makes {@link #tryTake} fail for good. */
  abstract void setClosed();

  public abstract boolean isClosed();

  /** The heaviest weight that is worth waiting for: the limit, but at least 1. */
  abstract int heaviest();

  /** The numbers of the books, to which the line adds its own. */
  abstract Books books();

  /** Makes a permit of units that were taken by {@link #take}. */
  abstract Permit permit(int weight);

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

  // Asking.

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Permit acquire() throws InterruptedException {
    return acquire(1);
  }

  @Override
  public final Permit acquire(int weight) throws InterruptedException {
    requireWeight(weight);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    Permit free = tryTake(weight);
    if (free != null) {
      return free;
    }
    BlockedWaiter waiter = new BlockedWaiter(this, weight, coarseTime());
    if (joinUnlessAdmitted(waiter)) {
      var _ = await(waiter, Long.MAX_VALUE);
    }
    return permit(weight);
  }

  @Override
  public final Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public final Optional<Permit> tryAcquire(int weight) {
    requireWeight(weight);
    Permit free = tryTake(weight);
    if (free != null) {
      return Optional.of(free);
    }
    synchronized (lock) {
      requireOpen();
      requirePossible(weight);
      return line.first() == null && take(weight) ? Optional.of(permit(weight)) : Optional.empty();
    }
  }

  @Override
  public final Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public final Optional<Permit> tryAcquire(int weight, Duration timeout)
      throws InterruptedException {
    requireWeight(weight);
    long nanos = Timing.toNanos(Objects.requireNonNull(timeout, "timeout"));
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    Permit free = tryTake(weight);
    if (free != null) {
      return Optional.of(free);
    }
    if (nanos <= 0) {
      return tryAcquire(weight);
    }
    BlockedWaiter waiter = new BlockedWaiter(this, weight, coarseTime());
    boolean admitted = !joinUnlessAdmitted(waiter) || await(waiter, nanos);
    return admitted ? Optional.of(permit(weight)) : Optional.empty();
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync(int weight) {
    requireWeight(weight);
    Permit free = tryTake(weight);
    if (free != null) {
      return CompletableFuture.completedFuture(free);
    }
    return join(new Waiter(this, weight, coarseTime()));
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    requireWeight(weight);
    long nanos = Timing.toNanos(Objects.requireNonNull(timeout, "timeout"));
    Permit free = tryTake(weight);
    if (free != null) {
      return CompletableFuture.completedFuture(free);
    }
    if (nanos <= 0) {
      try {
        return tryAcquire(weight)
            .map(CompletableFuture::completedFuture)
            .orElseGet(() -> CompletableFuture.failedFuture(timeout(weight, timeout)));
      } catch (LimiterClosedException closed) {
        return CompletableFuture.failedFuture(closed);
      }
    }
    long deadlineTick;
    synchronized (lock) {
      deadlineTick = timeouts().tickAfter(timing.nanoTime(), nanos);
    }
    return join(new TimedWaiter(this, weight, coarseTime(), timeout, deadlineTick));
  }

  private CompletableFuture<Permit> join(Waiter waiter) {
    int weight = waiter.weight();
    try {
      return joinUnlessAdmitted(waiter)
          ? waiter
          : CompletableFuture.completedFuture(permit(weight));
    } catch (LimiterClosedException | LimiterFullException refused) {
      return CompletableFuture.failedFuture(refused);
    }
  }

  /**
   * Stands in line, or takes units at once because there was room after all.
   *
   * @return whether the waiter stands in line
   */
  private boolean joinUnlessAdmitted(Waiter waiter) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      requireOpen();
      requirePossible(waiter.weight());
      // First the flag, then the look: a permit that is given back meanwhile either is seen by take
      // or its giver sees the flag, and comes to admit.
      setQueued(true);
      if (line.first() == null && take(waiter.weight())) {
        setQueued(false);
        return false;
      }
      if (waiting < maxWaiting) {
        append(waiter);
      } else {
        rejected++;
        Waiter oldest = whenFull == WhenFull.DROP_OLDEST ? oldestWaiter() : null;
        if (oldest == null) {
          lowerFlagIfNobodyWaits();
          throw full("is full");
        }
        outbox.refused(oldest, full("dropped whoever had waited longest"));
        append(waiter);
        leave(oldest, outbox);
      }
    }
    outbox.send(timing);
    return true;
  }

  /** Waits until the waiter is granted; false when the time was up first. */
  private boolean await(BlockedWaiter waiter, long nanos) throws InterruptedException {
    long start = nanos == Long.MAX_VALUE ? 0 : timing.nanoTime();
    boolean interrupted = false;
    try {
      while (true) {
        if (waiter.granted()) {
          return true;
        }
        if (waiter.refusal() instanceof RuntimeException refusal) {
          throw refusal;
        }
        if (nanos == Long.MAX_VALUE) {
          timing.park(this);
        } else {
          long left = nanos - (timing.nanoTime() - start);
          if (left > 0) {
            timing.parkNanos(this, left);
          } else if (withdraw(waiter, Departure.TIMED_OUT)) {
            return false;
          } else if (!waiter.granted() && waiter.refusal() == null) {
            timing.park(this); // refused: the reason is on its way
          }
        }
        if (Thread.interrupted()) {
          if (withdraw(waiter, Departure.CANCELLED)) {
            throw new InterruptedException();
          }
          interrupted = true; // too late: the permit or the refusal counts
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  // Giving up.

  private enum Departure {
    TIMED_OUT,
    CANCELLED
  }

  /** Leaves the line; false if the waiter is not in line any more. */
  final boolean withdraw(Waiter waiter) {
    return withdraw(waiter, Departure.CANCELLED);
  }

  private boolean withdraw(Waiter waiter, Departure departure) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
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

  /** An alarm on the clock, for the earliest deadline of an asynchronous waiter. */
  private final class Alarm implements Runnable {
    private final long due; // nanoseconds since origin
    private final Future<?> onTheClock;

    Alarm(long due, long delay) {
      this.due = due;
      this.onTheClock = timing.after(delay, this);
    }

    @Override
    public void run() {
      expire(this);
    }
  }

  private void expire(Alarm ringing) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (ringing != alarm) {
        return; // an earlier one took its place while it was about to ring
      }
      alarm = null;
      TimerWheel wheel = timeouts();
      long now = timing.nanoTime();
      for (TimedWaiter due = wheel.advance(now); due != null; due = wheel.advance(now)) {
        timedOut++;
        outbox.refused(due, timeout(due.weight(), due.timeout));
        leave(due, outbox);
      }
      armAlarm();
    }
    outbox.send(timing);
  }

  private TimerWheel timeouts() {
    if (timeouts == null) {
      timeouts = new TimerWheel(timing.nanoTime());
    }
    return timeouts;
  }

  private void armAlarm() {
    TimerWheel wheel = timeouts();
    if (wheel.isEmpty()) {
      return;
    }
    long now = timing.nanoTime();
    long delay = wheel.nanosToNext(now);
    long due = now - origin + delay;
    if (alarm == null || due < alarm.due) {
      if (alarm != null) {
        alarm.onTheClock.cancel(false);
      }
      alarm = new Alarm(due, delay);
    }
  }

  // Serving the line.

  /** Serves those in line; whoever gave back while the queued flag was up calls this. */
  final void admitWaiters() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      admit(outbox);
    }
    outbox.send(timing);
  }

  /** Changes the books under the lock, then serves those who fit now. */
  final void changeBooks(Runnable change) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      change.run();
      line.prepend(aside);
      setQueued(true);
      admit(outbox);
    }
    outbox.send(timing);
  }

  final void underLock(Runnable action) {
    synchronized (lock) {
      action.run();
    }
  }

  /** Grants to the first in line while there is room. */
  private void admit(Outbox outbox) {
    for (Waiter head = line.first(); head != null; head = line.first()) {
      if (head.weight() > heaviest()) {
        line.remove(head);
        aside.append(head);
      } else if (take(head.weight())) {
        detach(head);
        head.grant();
        outbox.granted(head);
      } else {
        return;
      }
    }
    setQueued(false);
  }

  private void append(Waiter waiter) {
    line.append(waiter);
    waiting++;
    if (waiter instanceof TimedWaiter timed) {
      timeouts().schedule(timed);
      armAlarm();
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
    // Only the two ends of a list have to know which list it is.
    (aside.endsWith(waiter) ? aside : line).remove(waiter);
    waiting--;
    if (waiter instanceof TimedWaiter timed) {
      timeouts().cancel(timed);
    }
  }

  private @Nullable Waiter oldestWaiter() {
    Waiter oldest = aside.first();
    return oldest != null ? oldest : line.first();
  }

  private void lowerFlagIfNobodyWaits() {
    if (line.first() == null) {
      setQueued(false);
    }
  }

  // Closing.

  @Override
  public final void close() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (isClosed()) {
        return;
      }
      setClosed();
      line.prepend(aside);
      for (Waiter waiter = line.first(); waiter != null; waiter = line.first()) {
        rejected++;
        detach(waiter);
        waiter.leave();
        outbox.refused(waiter, closed());
      }
      setQueued(false);
    }
    outbox.send(timing);
  }

  // Checks and messages.

  private static void requireWeight(int weight) {
    if (weight < 1) {
      throw new IllegalArgumentException("weight must be at least 1: weight=" + weight);
    }
  }

  private void requirePossible(int weight) {
    if (weight > heaviest()) {
      throw new IllegalArgumentException(
          "weight must not be above the limit: limiter=%s weight=%d limit=%d"
              .formatted(name, weight, books().limit()));
    }
  }

  private void requireOpen() {
    if (isClosed()) {
      rejected++;
      throw closed();
    }
  }

  private LimiterClosedException closed() {
    return new LimiterClosedException("the limiter is closed: limiter=" + name);
  }

  private LimiterFullException full(String what) {
    return new LimiterFullException(
        "the line %s: limiter=%s maxWaiting=%d %s"
            .formatted(what, name, maxWaiting, books().numbers(waiting)));
  }

  private TimeoutException timeout(int weight, Duration timeout) {
    synchronized (lock) {
      return new TimeoutException(
          "no permit in time: limiter=%s timeout=%s weight=%d %s"
              .formatted(name, timeout, weight, books().numbers(waiting)));
    }
  }

  // Looking.

  /** Time since the limiter was made in units of 2^20 ns; differences are right up to 26 days. */
  private int coarseTime() {
    return (int) ((timing.nanoTime() - origin) >> TimerWheel.TICK_SHIFT);
  }

  final int waitingNow() {
    synchronized (lock) {
      return waiting;
    }
  }

  final Books booksNow() {
    synchronized (lock) {
      return books();
    }
  }

  @Override
  public final LimiterStats stats() {
    synchronized (lock) {
      Books books = books();
      Waiter oldest = oldestWaiter();
      long longestWait =
          oldest == null ? 0 : (long) (coarseTime() - oldest.since) << TimerWheel.TICK_SHIFT;
      return new LimiterStats(
          name,
          books.limit(),
          books.inUse(),
          books.limit() - books.inUse(),
          waiting,
          books.acquired(),
          rejected,
          timedOut,
          cancelled,
          Duration.ofNanos(longestWait));
    }
  }
}
