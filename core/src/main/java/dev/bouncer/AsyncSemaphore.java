package dev.bouncer;

import static dev.bouncer.SemaphoreWord.CLOSED;
import static dev.bouncer.SemaphoreWord.DRAINING;
import static dev.bouncer.SemaphoreWord.HALF_OF_TICKETS;
import static dev.bouncer.SemaphoreWord.LENT;
import static dev.bouncer.SemaphoreWord.ONE_TICKET;
import static dev.bouncer.SemaphoreWord.QUEUED;
import static dev.bouncer.SemaphoreWord.STRICT;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A limiter with a fixed number of units, the <i>limit</i>, which can be changed while it is in
 * use. Blocking callers on virtual and platform threads and asynchronous callers stand in one line.
 *
 * <pre>{@code
 * AsyncSemaphore api = AsyncSemaphore.of(5);
 * CompletableFuture<Response> response =
 *     api.callAsync(() -> client.sendAsync(request, BodyHandlers.ofString()));
 * }</pre>
 *
 * <p><b>Order.</b> First in, first out, without exceptions: a unit that is given back is debited on
 * behalf of the first in line before it learns of it, so that no newcomer can take it, {@link
 * #tryAcquire()} included. With {@link Builder#fair fair(false)} a newcomer may take a unit that is
 * free at that moment before those in line; whoever is overtaken too often is served next all the
 * same.
 *
 * <p><b>Weights.</b> The first in line is served first; a lighter request behind it waits. When the
 * first gives up, the next is looked at.
 *
 * <p><b>Resizing.</b> {@link #setLimit} never blocks and never takes a permit away: after
 * shrinking, {@link #available()} is negative until enough permits have come back. A request in
 * line that is heavier than a lowered limit steps aside without blocking those behind it, and
 * returns to its place when the limit rises.
 *
 * <p><b>Cost.</b> Uncontended, acquiring and closing cost two atomic operations and one object of
 * 24 bytes. A waiting asynchronous request is one object of 40 bytes, whatever its fate; a waiting
 * thread is parked. Cancelling and timing out cost the same behind a million waiters as behind one.
 * Asynchronous timeouts are answered at most about a millisecond late and need no thread while they
 * wait.
 *
 * <p>All methods may be called from any thread; memory effects are those of {@link
 * java.util.concurrent.Semaphore}.
 */
public final class AsyncSemaphore extends QueuedLimiter {
  // The books are one word, see SemaphoreWord; the limit itself is not in it: it changes under the
  // lock, together with what is available.

  /** How often the first in line of an unfair semaphore may be overtaken. */
  private static final int PATIENCE = 16;

  private static final VarHandle STATE;
  private static final VarHandle HALVES_LENT;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(AsyncSemaphore.class, "state", long.class);
      HALVES_LENT = lookup.findVarHandle(AsyncSemaphore.class, "halvesLent", long.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private volatile long state;

  /** The flags that keep a newcomer from taking without the lock. */
  private final long barring;

  private final boolean fair;
  private final @Nullable PermitWatch watch;

  private volatile int limit; // written under the lock

  /** How often half of the tickets were lent. */
  private volatile long halvesLent;

  /** Permits handed out without the lock while another one was lent. */
  private final LongAdder acquiredBeside = new LongAdder();

  // Guarded by the lock.
  private long acquiredInLine; // permits handed out under the lock
  private int overtaken;
  private final Set<Thread> drainers = new HashSet<>();

  private AsyncSemaphore(Builder builder, Timing timing) {
    super(builder.name, builder.maxWaiting, builder.whenFull, timing);
    this.limit = builder.limit;
    this.fair = builder.fair;
    this.watch = builder.watch;
    this.barring = CLOSED | DRAINING | (builder.fair ? QUEUED : STRICT);
    STATE.set(this, SemaphoreWord.of(builder.limit));
    if (builder.named) {
      FlightRecording.know(this);
    }
  }

  /**
   * Creates a fair semaphore with a line of any length.
   *
   * @param limit how many units may be in use at once; zero admits nobody until it is raised
   * @return the semaphore
   * @throws IllegalArgumentException if the limit is below 0
   */
  public static AsyncSemaphore of(int limit) {
    return builder(limit).build();
  }

  /**
   * Starts to describe a semaphore.
   *
   * @param limit how many units may be in use at once; zero admits nobody until it is raised
   * @return a builder
   * @throws IllegalArgumentException if the limit is below 0
   */
  public static Builder builder(int limit) {
    return new Builder(limit);
  }

  /**
   * Returns how many units may be in use at once.
   *
   * @return the limit
   */
  public int limit() {
    return limit;
  }

  /**
   * Changes the limit. Raising it admits those in line who fit now; lowering it takes no permit
   * away. Never blocks. A closed semaphore can be resized too; it stays closed.
   *
   * @param limit how many units may be in use at once, at least 0
   * @throws IllegalArgumentException if the limit is below 0
   */
  public void setLimit(int limit) {
    requireLimit(limit);
    changeBooks(() -> {
      FlightRecording.limitChanged(name(), this.limit, limit, "set");
      STATE.getAndAdd(this, (long) limit - this.limit);
      this.limit = limit;
    });
  }

  /**
   * Returns how many units are free: {@code limit - inUse}. The number is of the moment; to act on
   * it use {@link #tryAcquire()}.
   *
   * @return free units; below zero after the limit was lowered under what is in use
   */
  public int available() {
    return SemaphoreWord.available(state);
  }

  /**
   * Returns how many units are in use.
   *
   * @return the weight of all permits that are held
   */
  public int inUse() {
    return booksNow().inUse();
  }

  /**
   * Returns how many acquires stand in line.
   *
   * @return the number of waiters
   */
  public int waiting() {
    return waitingNow();
  }

  /**
   * Returns whether {@link #close} was called.
   *
   * @return whether it was
   */
  @Override
  public boolean isClosed() {
    return (state & CLOSED) != 0;
  }

  /**
   * Waits until nothing is in use, and admits nobody meanwhile: newcomers stand in line, {@link
   * #tryAcquire()} answers "not now". When this method returns, whatever the answer, those in line
   * are admitted again. To end for good, {@link #close()} first and drain then.
   *
   * @param timeout the longest wait; zero or less only looks
   * @return whether nothing was in use at some moment during the call
   * @throws InterruptedException if the thread was interrupted before or while it waited
   */
  public boolean drain(Duration timeout) throws InterruptedException {
    long nanos = Timing.toNanos(Objects.requireNonNull(timeout, "timeout"));
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    long start = timing.nanoTime();
    Thread thread = Thread.currentThread();
    underLock(() -> {
      drainers.add(thread);
      setFlag(DRAINING, true);
    });
    try {
      while (!nothingInUse()) {
        long left = nanos - (timing.nanoTime() - start);
        if (left <= 0) {
          return false;
        }
        timing.parkNanos(this, left);
        if (Thread.interrupted()) {
          throw new InterruptedException();
        }
      }
      return true;
    } finally {
      changeBooks(() -> {
        drainers.remove(thread);
        setFlag(DRAINING, !drainers.isEmpty());
      });
    }
  }

  @Override
  public String toString() {
    LimiterStats now = stats();
    return "AsyncSemaphore[name=%s limit=%d inUse=%d available=%d waiting=%d%s]"
        .formatted(
            now.name(),
            now.limit(),
            now.inUse(),
            now.available(),
            now.waiting(),
            isClosed() ? " closed" : "");
  }

  // The books.

  @Override
  @Nullable Permit tryTake(int weight) {
    long now = state;
    while ((now & (barring | LENT)) == 0 && SemaphoreWord.available(now) >= weight) {
      long next = now + (LENT + ONE_TICKET - weight); // LENT was down
      if (STATE.compareAndSet(this, now, next)) {
        if ((SemaphoreWord.ticket(next) & (HALF_OF_TICKETS - 1)) == 0) {
          HALVES_LENT.getAndAdd(this, 1L);
        }
        return watched(new SemaphorePermit(this, weight, SemaphoreWord.loan(next)));
      }
      now = state;
    }
    return (now & LENT) == 0 ? null : tryTakeBeside(weight);
  }

  /** Takes a permit that is not lent, because another one is. */
  private @Nullable Permit tryTakeBeside(int weight) {
    long now = state;
    while ((now & barring) == 0 && SemaphoreWord.available(now) >= weight) {
      if (STATE.compareAndSet(this, now, now - weight)) {
        acquiredBeside.increment();
        return watched(new SemaphorePermit(this, weight));
      }
      now = state;
    }
    return null;
  }

  @Override
  boolean take(int weight) {
    while (true) {
      long now = state;
      if ((now & DRAINING) != 0) {
        return false;
      } else if (SemaphoreWord.available(now) < weight) {
        overtaken(true);
        return false;
      } else if (STATE.compareAndSet(this, now, now - weight)) {
        acquiredInLine++;
        overtaken(false);
        return true;
      }
    }
  }

  @Override
  Permit permit(int weight) {
    return watched(new SemaphorePermit(this, weight));
  }

  @Override
  boolean hasRoom() {
    return SemaphoreWord.available(state) > 0;
  }

  @Override
  boolean passOn() {
    if ((state & DRAINING) != 0 || SemaphoreWord.available(state) < 0 || !fair) {
      return false;
    }
    acquiredInLine++;
    return true;
  }

  @Override
  void willBlock() {
    if (watch != null) {
      watch.willBlock();
    }
  }

  @Override
  Permit unbound(Permit permit) {
    if (watch != null) {
      watch.unbind(permit);
    }
    return permit;
  }

  private Permit watched(SemaphorePermit permit) {
    return watch == null ? permit : watch.watch(permit);
  }

  /** Gives units back, once for each permit that is not lent. */
  void giveBack(int weight) {
    if ((state & QUEUED) != 0 && handOver(weight)) {
      return;
    }
    long before = (long) STATE.getAndAdd(this, (long) weight);
    gaveBack(before);
  }

  /** Gives the units of a lent permit back, unless somebody else has done so. */
  void giveBack(SemaphorePermit permit, int loan) {
    long now = state;
    // The mark is looked at after the word: when a ticket comes round again, its old permit is seen
    // closed. From here on the whole word has to stay as it is, or the look is repeated.
    boolean mine = false;
    while (SemaphoreWord.loan(now) == loan && (mine || permit.isOpen())) {
      mine = true;
      permit.markClosed();
      if (STATE.compareAndSet(this, now, now + (permit.weight() - LENT))) {
        gaveBack(now);
        return;
      }
      now = state;
    }
  }

  private void gaveBack(long before) {
    if ((before & (QUEUED | DRAINING)) != 0) {
      if ((before & DRAINING) != 0) {
        underLock(() -> drainers.forEach(timing::unpark));
      }
      admitWaiters();
    }
  }

  @Override
  void setQueued(boolean queued) {
    setFlag(QUEUED, queued);
    if (!queued) {
      overtaken(false);
    }
  }

  @Override
  void setClosed() {
    setFlag(CLOSED, true);
  }

  @Override
  boolean setClosedIfIdle() {
    long now = state;
    while (SemaphoreWord.available(now) == limit
        && (now & (LENT | QUEUED | DRAINING | CLOSED)) == 0) {
      if (STATE.compareAndSet(this, now, now | CLOSED)) {
        return true;
      }
      now = state;
    }
    return false;
  }

  @Override
  int heaviest() {
    return Math.max(limit, 1);
  }

  @Override
  Books books() {
    long halves = halvesLent;
    long now = state;
    return new Books(
        limit,
        limit - SemaphoreWord.available(now),
        acquiredInLine + lent(halves, SemaphoreWord.ticket(now)) + acquiredBeside.sum());
  }

  /**
   * How many permits were lent.
   *
   * @param halves how many halves of the tickets had been counted before the ticket was looked at;
   *     one more may have been begun, which shows in the ticket's own half
   */
  private static long lent(long halves, int ticket) {
    long counted = (halves & 1) == ticket / HALF_OF_TICKETS ? halves : halves + 1;
    return counted * HALF_OF_TICKETS + (ticket & (HALF_OF_TICKETS - 1));
  }

  /** Pretends that so many permits were lent and given back. */
  void lendForTest(int permits) {
    long before = SemaphoreWord.ticket((long) STATE.getAndAdd(this, permits * ONE_TICKET));
    HALVES_LENT.getAndAdd(this, (before + permits) / HALF_OF_TICKETS - before / HALF_OF_TICKETS);
  }

  /** Pretends that whoever lent the last ticket of a half has not yet counted it. */
  void forgetHalfForTest() {
    HALVES_LENT.getAndAdd(this, -1L);
  }

  /** Counts how often an unfair semaphore failed its first in line. */
  private void overtaken(boolean again) {
    if (fair) {
      return;
    }
    overtaken = again ? overtaken + 1 : 0;
    setFlag(STRICT, overtaken > PATIENCE);
  }

  private void setFlag(long flag, boolean up) {
    if (((state & flag) != 0) == up) {
      return;
    }
    if (up) {
      STATE.getAndBitwiseOr(this, flag);
    } else {
      STATE.getAndBitwiseAnd(this, ~flag);
    }
  }

  private boolean nothingInUse() {
    return booksNow().inUse() == 0;
  }

  private static void requireLimit(int limit) {
    if (limit < 0) {
      throw new IllegalArgumentException("limit must not be negative: limit=" + limit);
    }
  }

  /** Describes an {@link AsyncSemaphore}. Not thread-safe. */
  public static final class Builder {
    private final int limit;
    private String name = "semaphore";
    private int maxWaiting = Integer.MAX_VALUE;
    private WhenFull whenFull = WhenFull.REJECT;
    private boolean fair = true;
    private boolean named;
    private @Nullable PermitWatch watch;
    private boolean leakDetection;

    private Builder(int limit) {
      requireLimit(limit);
      this.limit = limit;
    }

    /**
     * Sets the name that messages, statistics and thread dumps show. The default is {@code
     * semaphore}. A semaphore with a name of its own also shows in the Flight Recorder event {@code
     * dev.bouncer.LimiterStatistics}.
     *
     * @param name the name
     * @return this builder
     */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      this.named = true;
      return this;
    }

    /**
     * Sets how many acquires may stand in line. The default is no bound.
     *
     * @param maxWaiting the longest line; with zero nobody waits
     * @return this builder
     * @throws IllegalArgumentException if the number is below 0
     */
    public Builder maxWaiting(int maxWaiting) {
      this.maxWaiting = requireMaxWaiting(maxWaiting);
      return this;
    }

    /**
     * Sets what happens to a newcomer when the line is full. The default is {@link
     * WhenFull#REJECT}.
     *
     * @param whenFull what happens
     * @return this builder
     * @throws IllegalArgumentException for {@link WhenFull#BLOCK}, which is for pools: a limiter's
     *     line is where callers block already
     */
    public Builder whenFull(WhenFull whenFull) {
      this.whenFull = requireLineRule(whenFull);
      return this;
    }

    /**
     * Sets whether newcomers always stand behind those in line (the default), or may take a unit
     * that is free at the moment they ask. Unfair semaphores hand permits over faster between
     * platform threads; the first in line is overtaken a bounded number of times.
     *
     * @param fair whether order is strict
     * @return this builder
     */
    public Builder fair(boolean fair) {
      this.fair = fair;
      return this;
    }

    /**
     * Sets whether permits are watched; for finding mistakes, because it costs a stack trace a
     * permit. The default is false. When a permit was garbage collected without being closed, it is
     * given back, and a warning goes to the {@link System.Logger} named {@code dev.bouncer} with
     * the stack that acquired it. A thread that is about to wait for a permit while it holds one of
     * the same semaphore is warned of with both stacks: it may be waiting for itself.
     *
     * @param leakDetection whether to watch
     * @return this builder
     */
    public Builder leakDetection(boolean leakDetection) {
      this.leakDetection = leakDetection;
      return this;
    }

    /**
     * Creates the semaphore.
     *
     * @return a new semaphore
     */
    public AsyncSemaphore build() {
      return build(Timing.SYSTEM);
    }

    AsyncSemaphore build(Timing timing) {
      return build(timing, leakDetection ? new PermitWatch(name) : null);
    }

    AsyncSemaphore build(Timing timing, @Nullable PermitWatch watch) {
      this.watch = watch;
      return new AsyncSemaphore(this, timing);
    }
  }
}
