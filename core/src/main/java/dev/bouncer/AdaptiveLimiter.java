package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A semaphore that finds its limit by itself, from how long permits are held and how the work under
 * them ended.
 *
 * <pre>{@code
 * AdaptiveLimiter api = AdaptiveLimiter.builder().maxLimit(200).build();
 * Permit permit = api.acquire();
 * Outcome outcome = Outcome.IGNORED;
 * try {
 *   outcome = call().status() == 429 ? Outcome.DROPPED : Outcome.SUCCESS;
 * } finally {
 *   permit.close(outcome);
 * }
 * }</pre>
 *
 * <p><b>What it learns from.</b> {@code close(SUCCESS)} and {@code close()}: the time since the
 * permit was handed out is a sample. {@code close(DROPPED)}: the service refused or did not answer.
 * {@code IGNORED} and {@code UNUSED} say nothing. Say DROPPED of timeouts too: work that is cut off
 * is not a sample of how long it takes.
 *
 * <p><b>What it does.</b> Once a window a {@link LimitAlgorithm} proposes a limit, but only if the
 * present one was reached: otherwise it was not what held the work back. A refusal cuts the limit
 * at once, at most once a window; work that had begun before a cut does not count against it. The
 * limit that was refused is remembered and tried again after a second, then two, four, at most
 * eight. At the beginning and after an outage the limit doubles each window. It never leaves its
 * bounds. When it rises, those in line who fit are admitted.
 *
 * <p><b>What can be seen.</b> Every change, with its reason, is a Flight Recorder event {@code
 * dev.bouncer.LimitChange}. With {@link Builder#observeOnly} the limit stays at its maximum, and
 * {@link #wouldBeLimit} and the events tell what it would be.
 *
 * <p>Everything else is as in {@link AsyncSemaphore}: first in, first out, blocking and
 * asynchronous callers in one line, weights, timeouts. All methods may be called from any thread.
 */
public final class AdaptiveLimiter extends QueuedLimiter {
  /*
   * The books: the flags and, in the lower half, how much is in use. What is given back while
   * QUEUED is up goes to the line, exactly as in AsyncSemaphore.
   */
  private static final long IN_USE = 0xFFFF_FFFFL;
  private static final long QUEUED = 1L << 32;
  private static final long CLOSED = 1L << 33;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(AdaptiveLimiter.class, "state", long.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private volatile long state;
  private volatile int limit; // written under the lock
  private final boolean observeOnly;
  private final LimitControl control;
  private final LongAdder acquired = new LongAdder();

  private AdaptiveLimiter(Builder builder, Timing timing) {
    super(builder.name, builder.maxWaiting, builder.whenFull, timing);
    int initial = Math.clamp(builder.initialLimit, builder.minLimit, builder.maxLimit);
    this.observeOnly = builder.observeOnly;
    this.limit = observeOnly ? builder.maxLimit : initial;
    this.control =
        new LimitControl(
            Objects.requireNonNull(builder.algorithm.get(), "the supplier made no algorithm"),
            initial,
            builder.minLimit,
            builder.maxLimit,
            builder.windowNanos,
            timing.nanoTime());
    if (builder.named) {
      FlightRecording.know(this);
    }
  }

  /**
   * Creates an adaptive limiter with all defaults, see {@link Builder}.
   *
   * @return the limiter
   */
  public static AdaptiveLimiter create() {
    return builder().build();
  }

  /**
   * Starts to describe an adaptive limiter.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns how many units may be in use at once at present.
   *
   * @return the limit
   */
  public int limit() {
    return limit;
  }

  /**
   * Returns what the limit would be if this limiter did not only observe; the same as {@link
   * #limit} if it does more.
   *
   * @return the limit that was decided on last
   */
  public int wouldBeLimit() {
    return control.limit();
  }

  /**
   * Returns how many units are in use.
   *
   * @return the weight of all permits that are held
   */
  public int inUse() {
    return inUse(state);
  }

  /**
   * Returns how many units are free: {@code limit - inUse}.
   *
   * @return free units; below zero after the limit fell under what is in use
   */
  public int available() {
    return limit - inUse(state);
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

  @Override
  public String toString() {
    LimiterStats now = stats();
    return "AdaptiveLimiter[name=%s limit=%d inUse=%d available=%d waiting=%d%s]"
        .formatted(
            now.name(),
            now.limit(),
            now.inUse(),
            now.available(),
            now.waiting(),
            isClosed() ? " closed" : "");
  }

  // Learning.

  /** Units come back; what their permit tells is learned first. */
  void giveBack(int weight, long began, Outcome outcome) {
    LimitControl.@Nullable Change change;
    try {
      change = learn(began, outcome);
    } catch (Throwable algorithmFailed) {
      giveBack(weight); // the units come back on every way out
      throw algorithmFailed;
    }
    long before = (long) STATE.getAndAdd(this, (long) -weight);
    if (change != null) {
      FlightRecording.limitChanged(
          name(), change.from(), change.to(), (observeOnly ? "observed, " : "") + change.reason());
      if (!observeOnly) {
        // What was decided last counts, in whatever order those who learned come here.
        changeBooks(() -> limit = control.limit());
        return;
      }
    }
    if ((before & QUEUED) != 0) {
      admitWaiters();
    }
  }

  private LimitControl.@Nullable Change learn(long began, Outcome outcome) {
    return switch (outcome) {
      case SUCCESS ->
          control.succeeded(began, timing.nanoTime(), inUse(state), (state & QUEUED) != 0);
      case DROPPED -> control.dropped(began, timing.nanoTime(), inUse(state));
      case IGNORED, UNUSED -> null;
    };
  }

  private void giveBack(int weight) {
    long before = (long) STATE.getAndAdd(this, (long) -weight);
    if ((before & QUEUED) != 0) {
      admitWaiters();
    }
  }

  // The books.

  @Override
  @Nullable Permit tryTake(int weight) {
    long now = state;
    while ((now & (QUEUED | CLOSED)) == 0 && weight <= heaviest() && hasRoom(now, weight)) {
      if (STATE.compareAndSet(this, now, now + weight)) {
        acquired.increment();
        return permit(weight);
      }
      now = state;
    }
    return null;
  }

  @Override
  boolean take(int weight) {
    long now = state;
    while (hasRoom(now, weight)) {
      if (STATE.compareAndSet(this, now, now + weight)) {
        acquired.increment();
        return true;
      }
      now = state;
    }
    return false;
  }

  /** Whoever is heavier than the present limit goes alone, or nothing would ever be learned. */
  private boolean hasRoom(long now, int weight) {
    return inUse(now) == 0 || weight <= limit - inUse(now);
  }

  @Override
  Permit permit(int weight) {
    return new AdaptivePermit(this, weight, timing.nanoTime());
  }

  @Override
  boolean passOn() {
    return false; // what comes back is counted in the books first: the limit may have fallen
  }

  @Override
  void setQueued(boolean queued) {
    if (queued) {
      STATE.getAndBitwiseOr(this, QUEUED);
    } else {
      STATE.getAndBitwiseAnd(this, ~QUEUED);
    }
  }

  @Override
  void setClosed() {
    STATE.getAndBitwiseOr(this, CLOSED);
  }

  @Override
  boolean setClosedIfIdle() {
    return STATE.compareAndSet(this, 0L, CLOSED);
  }

  /** A limit that fell will rise again: the heaviest is what it may rise to. */
  @Override
  int heaviest() {
    return control.maxLimit();
  }

  @Override
  Books books() {
    return new Books(limit, inUse(state), acquired.sum());
  }

  private static int inUse(long state) {
    return (int) (state & IN_USE);
  }

  /**
   * Describes an {@link AdaptiveLimiter}. Not thread-safe. The limit begins at 8, stays between 1
   * and 1,000, and is decided on every 100 milliseconds.
   */
  public static final class Builder {
    private Supplier<? extends LimitAlgorithm> algorithm = LimitAlgorithm::vegas;
    private int initialLimit = 8;
    private int minLimit = 1;
    private int maxLimit = 1_000;
    private long windowNanos = Duration.ofMillis(100).toNanos();
    private boolean observeOnly;
    private String name = "adaptive";
    private boolean named;
    private int maxWaiting = Integer.MAX_VALUE;
    private WhenFull whenFull = WhenFull.REJECT;

    private Builder() {}

    /**
     * Sets what proposes the limit. The default is {@link LimitAlgorithm#vegas}.
     *
     * @param algorithm makes a new algorithm, {@code LimitAlgorithm::aimd} for instance
     * @return this builder
     */
    public Builder algorithm(Supplier<? extends LimitAlgorithm> algorithm) {
      this.algorithm = Objects.requireNonNull(algorithm, "algorithm");
      return this;
    }

    /**
     * Sets the limit to begin with; it is brought within the bounds. The default is 8.
     *
     * @param initialLimit the limit, at least 1
     * @return this builder
     * @throws IllegalArgumentException if the limit is below 1
     */
    public Builder initialLimit(int initialLimit) {
      this.initialLimit = requirePositive("initialLimit", initialLimit);
      return this;
    }

    /**
     * Sets the limit that is never fallen below. The default is 1.
     *
     * @param minLimit the limit, at least 1
     * @return this builder
     * @throws IllegalArgumentException if the limit is below 1
     */
    public Builder minLimit(int minLimit) {
      this.minLimit = requirePositive("minLimit", minLimit);
      return this;
    }

    /**
     * Sets the limit that is never exceeded, which is also the heaviest weight. The default is
     * 1,000.
     *
     * @param maxLimit the limit, at least 1
     * @return this builder
     * @throws IllegalArgumentException if the limit is below 1
     */
    public Builder maxLimit(int maxLimit) {
      this.maxLimit = requirePositive("maxLimit", maxLimit);
      return this;
    }

    /**
     * Sets how often the limit is decided on. The default is 100 milliseconds. With little or slow
     * work a window is longer: until ten samples have come, but at most ten times as long.
     *
     * @param window a time more than zero
     * @return this builder
     * @throws IllegalArgumentException if the time is zero or less
     */
    public Builder window(Duration window) {
      if (window.isZero() || window.isNegative()) {
        throw new IllegalArgumentException("window must be more than zero: window=" + window);
      }
      this.windowNanos = Timing.toNanos(window);
      return this;
    }

    /**
     * Sets whether to leave the limit at its maximum and only to say what it would be, to gain
     * trust before it is put in charge. The default is false.
     *
     * @param observeOnly whether to observe only
     * @return this builder
     */
    public Builder observeOnly(boolean observeOnly) {
      this.observeOnly = observeOnly;
      return this;
    }

    /**
     * Sets the name that messages, statistics and thread dumps show. The default is {@code
     * adaptive}. A limiter with a name of its own also shows in the Flight Recorder event {@code
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

    private static int requirePositive(String what, int limit) {
      if (limit < 1) {
        throw new IllegalArgumentException(
            "%s must be at least 1: %s=%d".formatted(what, what, limit));
      }
      return limit;
    }

    /**
     * Creates the limiter.
     *
     * @return a new limiter
     * @throws IllegalArgumentException if the least limit is above the greatest
     */
    public AdaptiveLimiter build() {
      return build(Timing.SYSTEM);
    }

    AdaptiveLimiter build(Timing timing) {
      if (minLimit > maxLimit) {
        throw new IllegalArgumentException(
            "minLimit must not be above maxLimit: minLimit=%d maxLimit=%d"
                .formatted(minLimit, maxLimit));
      }
      return new AdaptiveLimiter(this, timing);
    }
  }
}
