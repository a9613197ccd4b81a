package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Limits how many units are spent in a time, by one {@link Bandwidth} or several at once. What a
 * permit took comes back with time, not when the permit is closed.
 *
 * <pre>{@code
 * RateLimiter api = RateLimiter.of(100, Duration.ofSeconds(1));
 * RateLimiter both = RateLimiter.of(
 *     Bandwidth.of(10, Duration.ofSeconds(1)),
 *     Bandwidth.of(300, Duration.ofMinutes(1)).withBurst(300));
 * }</pre>
 *
 * <p><b>What is promised.</b> In any interval of length {@code d} at most {@code burst + permits ×
 * d / period} units are handed out, for each bandwidth, and what is made up for as told here. While
 * somebody waits, units are handed out at just that rate, with no drift: all arithmetic is in
 * integers. Those in line do not lose what came due while the machine was too busy to wake them up,
 * up to {@linkplain Builder#catchUp 100 milliseconds'} worth: so after a stop of the whole JVM no
 * flood follows. They are woken at most every millisecond, several at once if the rate is faster.
 *
 * <p><b>Waiting.</b> First in, first out, blocking and asynchronous callers in one line, and one
 * alarm on the clock for all of them. Nothing is spent before a request's turn, so a request that
 * gives up while it waits costs nothing. A request whose turn, behind those who wait already, would
 * come after its timeout is answered at once. {@link LimiterTimeoutException#retryAfter} and {@link
 * LimiterFullException#retryAfter} say when it is worth asking again.
 *
 * <p><b>The numbers.</b> {@code limit} is the burst, the most that can be had at once, and so the
 * heaviest weight; with several bandwidths the least of them. {@code available} is what can be had
 * now, and {@code inUse} what was spent and is not back yet: {@code limit - available}.
 *
 * <p><b>Permits.</b> Closing one does nothing but say so; {@code close(Outcome.UNUSED)} puts its
 * units back, unless they would have come back by now anyhow.
 *
 * <p>All methods may be called from any thread; memory effects are those of {@link Limiter}, except
 * that closing a permit happens-before nothing.
 */
public final class RateLimiter extends QueuedLimiter {
  /**
   * Those who wait for a fast rate are woken in groups, because an alarm costs more than a unit is
   * worth; they lose nothing by it.
   */
  private static final Duration LEAST_DELAY = Duration.ofMillis(1);

  static final Duration CATCH_UP = Duration.ofMillis(100);

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(RateLimiter.class, "state", State.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  /** The books, replaced as a whole by compare-and-set. While open they are the level itself. */
  sealed interface State permits Level, Barred {
    Level level();
  }

  /** Only the holder of the lock takes from this level: somebody waits, or it is closed. */
  record Barred(Level level, boolean closed) implements State {}

  private volatile State state;

  private final GrantedPermits<RatePermit> granted = new GrantedPermits<>();

  /** Hears of closed permits, so that a test can let time pass then. */
  private final @Nullable IntConsumer closedForTest;

  // Guarded by the lock.
  private List<Bandwidth> bandwidths;
  private boolean headWaits;
  private @Nullable Alarm alarm;

  private RateLimiter(Builder builder, Timing timing) {
    super(builder.name, builder.maxWaiting, builder.whenFull, timing);
    this.bandwidths = builder.bandwidths;
    this.closedForTest = builder.closedForTest;
    this.state = Level.complete(bandwidths, builder.catchUpNanos, timing.nanoTime());
    if (builder.named) {
      FlightRecording.know(this);
    }
  }

  /**
   * Creates a limiter that hands units out one by one, evenly spread over the period.
   *
   * @param permits how many units in every period, at least 1
   * @param period the length of a period, more than zero
   * @return the limiter
   * @throws IllegalArgumentException if a number is out of its range
   */
  public static RateLimiter of(int permits, Duration period) {
    return builder(permits, period).build();
  }

  /**
   * Creates a limiter that keeps to several bandwidths at once.
   *
   * @param first one of them
   * @param others the others
   * @return the limiter
   */
  public static RateLimiter of(Bandwidth first, Bandwidth... others) {
    return builder(first, others).build();
  }

  /**
   * Starts to describe a limiter that hands units out one by one.
   *
   * @param permits how many units in every period, at least 1
   * @param period the length of a period, more than zero
   * @return a builder
   * @throws IllegalArgumentException if a number is out of its range
   */
  public static Builder builder(int permits, Duration period) {
    return builder(Bandwidth.of(permits, period));
  }

  /**
   * Starts to describe a limiter that keeps to one bandwidth or to several at once.
   *
   * @param first one of them
   * @param others the others
   * @return a builder
   */
  public static Builder builder(Bandwidth first, Bandwidth... others) {
    return new Builder(together(first, others));
  }

  private static List<Bandwidth> together(Bandwidth first, Bandwidth... others) {
    List<Bandwidth> all = new ArrayList<>(others.length + 1);
    all.add(Objects.requireNonNull(first, "first"));
    all.addAll(Arrays.asList(others));
    return List.copyOf(all);
  }

  /**
   * Returns the bandwidths that are kept to.
   *
   * @return an immutable list of at least one
   */
  public List<Bandwidth> bandwidths() {
    return askUnderLock(() -> bandwidths);
  }

  /**
   * Changes how fast units come back, from now on; the burst stays, and so do the units spent.
   * Never blocks. Those in line who are due at the new rate are admitted.
   *
   * @param permits how many units in every period, at least 1
   * @param period the length of a period, more than zero
   * @throws IllegalArgumentException if a number is out of its range
   * @throws IllegalStateException if there are several bandwidths: see {@link #setBandwidths}
   */
  public void setRate(int permits, Duration period) {
    changeBooks(() -> {
      if (bandwidths.size() > 1) {
        throw new IllegalStateException(
            "setRate must be called on a limiter of one bandwidth: limiter=%s bandwidths=%s"
                .formatted(name(), bandwidths));
      }
      change(List.of(new Bandwidth(permits, period, bandwidths.getFirst().burst())));
    });
  }

  /**
   * Changes all bandwidths, from now on. Units spent stay spent: the first of the new bandwidths
   * takes them over from the first of the old ones, and so on; one that is added begins with a
   * complete burst. Never blocks. A request in line that is heavier than the new burst steps aside
   * until the burst rises.
   *
   * @param first one of them
   * @param others the others
   */
  public void setBandwidths(Bandwidth first, Bandwidth... others) {
    List<Bandwidth> all = together(first, others);
    changeBooks(() -> change(all));
  }

  private void change(List<Bandwidth> next) {
    FlightRecording.rateChanged(name(), bandwidths, next);
    bandwidths = next;
    long now = timing.nanoTime();
    State before;
    do {
      before = state;
    } while (!replace(before, with(before, before.level().at(next, now))));
  }

  /**
   * Returns how long a request would wait that is made now, if all who wait already stay.
   *
   * @param weight units to take, at least 1
   * @return the time until its turn; zero if it would be served at once
   * @throws IllegalArgumentException if the weight is below 1 or above the burst
   */
  public Duration retryAfter(int weight) {
    requireWeight(weight);
    requirePossible(weight);
    return Duration.ofNanos(untilTurnNow(weight).orElse(0));
  }

  /**
   * Returns how many units can be had at once now. The number is of the moment; to act on it use
   * {@link #tryAcquire()}.
   *
   * @return units, from zero to the burst
   */
  public int available() {
    return state.level().available(timing.nanoTime());
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
    return isClosed(state);
  }

  @Override
  public String toString() {
    LimiterStats now = stats();
    return "RateLimiter[name=%s bandwidths=%s available=%d waiting=%d%s]"
        .formatted(
            now.name(), bandwidths(), now.available(), now.waiting(), isClosed() ? " closed" : "");
  }

  // The books.

  private static boolean isClosed(State state) {
    return state instanceof Barred barred && barred.closed;
  }

  private static State with(State state, Level level) {
    return state instanceof Barred barred ? new Barred(level, barred.closed) : level;
  }

  @Override
  @Nullable Permit tryTake(int weight) {
    if (state instanceof Barred) {
      return null;
    }
    long time = timing.nanoTime();
    while (state instanceof Level now) {
      Level left = now.take(weight, time, false);
      if (left == null) {
        return null;
      }
      if (replace(now, left)) {
        return new RatePermit(this, weight, time);
      }
    }
    return null;
  }

  @Override
  boolean take(int weight) {
    long time = timing.nanoTime();
    while (true) {
      State now = state;
      Level left = now.level().take(weight, time, headWaits);
      if (left == null) {
        return false;
      }
      if (replace(now, with(now, left))) {
        granted.add(new RatePermit(this, weight, time)); // what it puts back depends on this moment
        return true;
      }
    }
  }

  @Override
  Permit permit(int weight) {
    return granted.remove(weight);
  }

  @Override
  boolean passOn() {
    return false; // nothing goes from hand to hand: units come with time
  }

  /** Puts units back that were not used. */
  void putBack(int weight, long takenAt) {
    State before;
    do {
      before = state;
    } while (!replace(before, with(before, before.level().putBack(weight, takenAt))));
    if (before instanceof Barred) {
      admitWaiters();
    }
  }

  void closed(int weight) {
    if (closedForTest != null) {
      closedForTest.accept(weight);
    }
  }

  @Override
  void setQueued(boolean queued) {
    if (!queued) {
      headWaits = false;
    }
    State before;
    State after;
    do {
      before = state;
      boolean closed = isClosed(before);
      after = queued || closed ? new Barred(before.level(), closed) : before.level();
    } while (!replace(before, after));
  }

  @Override
  void setClosed() {
    State before;
    do {
      before = state;
    } while (!replace(before, new Barred(before.level(), true)));
  }

  @Override
  boolean setClosedIfIdle() {
    while (state instanceof Level now && now.isComplete(timing.nanoTime())) {
      if (replace(now, new Barred(now, true))) {
        return true;
      }
    }
    return false;
  }

  @Override
  int heaviest() {
    return state.level().burst();
  }

  @Override
  Books books() {
    Level now = state.level();
    int limit = now.burst();
    return new Books(limit, limit - now.available(timing.nanoTime()), now.taken());
  }

  @Override
  boolean freedByTime() {
    return true;
  }

  @Override
  OptionalLong nanosUntil(long units) {
    return OptionalLong.of(state.level().nanosUntil(units, timing.nanoTime()));
  }

  private boolean replace(State before, State after) {
    return STATE.compareAndSet(this, before, after);
  }

  // The alarm.

  /** The one alarm on the clock, for the first in line. */
  private final class Alarm implements Runnable {
    private final long due;
    private final Future<?> onTheClock;

    Alarm(long now, long delay) {
      due = now + delay;
      onTheClock = timing.after(delay, this);
    }

    @Override
    public void run() {
      underLock(() -> {
        if (alarm == this) {
          alarm = null;
        }
      });
      admitWaiters();
    }
  }

  @Override
  void headWaits(int weight, Outbox outbox) {
    headWaits = true;
    long now = timing.nanoTime();
    long delay = Math.max(state.level().nanosUntil(weight, now), LEAST_DELAY.toNanos());
    if (alarm != null) {
      if (alarm.due - now <= delay) {
        return; // it will look, and set the next one
      }
      alarm.onTheClock.cancel(false);
    }
    alarm = new Alarm(now, delay);
  }

  @Override
  void nobodyWaits(Outbox outbox) {
    if (alarm != null) {
      alarm.onTheClock.cancel(false);
      alarm = null;
    }
  }

  /** Describes a {@link RateLimiter}. Not thread-safe. */
  public static final class Builder {
    private static final Duration LONGEST_CATCH_UP = Duration.ofHours(1);

    private final List<Bandwidth> bandwidths;
    private String name = "rate";
    private boolean named;
    private int maxWaiting = Integer.MAX_VALUE;
    private WhenFull whenFull = WhenFull.REJECT;
    private long catchUpNanos = CATCH_UP.toNanos();
    private @Nullable IntConsumer closedForTest;

    private Builder(List<Bandwidth> bandwidths) {
      this.bandwidths = bandwidths;
    }

    /**
     * Sets the name that messages, statistics and thread dumps show. The default is {@code rate}. A
     * limiter with a name of its own also shows in the Flight Recorder event {@code
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
      this.maxWaiting = QueuedLimiter.requireMaxWaiting(maxWaiting);
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
      this.whenFull = QueuedLimiter.requireLineRule(whenFull);
      return this;
    }

    /**
     * Sets how much lateness of this machine is made up for: those in line may then follow each
     * other more closely than the rate says, by that time in all. The default is 100 milliseconds,
     * which keeps the rate exact in the long run on a machine that is busy. Less is right where
     * somebody counts strictly; then what comes due while nobody could be woken is lost.
     *
     * @param catchUp from zero to an hour
     * @return this builder
     * @throws IllegalArgumentException if the time is out of its range
     */
    public Builder catchUp(Duration catchUp) {
      if (catchUp.isNegative() || catchUp.compareTo(LONGEST_CATCH_UP) > 0) {
        throw new IllegalArgumentException(
            "catchUp must be from zero to an hour: catchUp=" + catchUp);
      }
      this.catchUpNanos = catchUp.toNanos();
      return this;
    }

    /**
     * Creates the limiter, with complete bursts.
     *
     * @return a new limiter
     */
    public RateLimiter build() {
      return build(Timing.SYSTEM);
    }

    RateLimiter build(Timing timing, IntConsumer closedForTest) {
      this.closedForTest = closedForTest;
      return build(timing);
    }

    RateLimiter build(Timing timing) {
      return new RateLimiter(this, timing);
    }
  }
}
