package dev.bouncer.redis;

import dev.bouncer.Limiter;
import dev.bouncer.LimiterClosedException;
import dev.bouncer.LimiterStats;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * One limit for many machines: a semaphore whose books are kept in Redis or Valkey. All semaphores
 * of one name on one Redis together never hand out more than the limit.
 *
 * <pre>{@code
 * try (RedisConnection redis = RedisSemaphore.connect("redis://localhost");
 *     RedisSemaphore api = redis.semaphore("api", 50)) {
 *   try (var permit = api.acquire()) {
 *     callTheApi();
 *   }
 * }
 * }</pre>
 *
 * <p><b>Order.</b> First in, first out over all machines, in the order in which requests reach
 * Redis. Unless built with {@link Builder#strictFifo strictFifo}, a permit that is given back goes
 * to the next waiter of the same JVM without asking Redis as long as nobody waits on another
 * machine, and a few more times when somebody does: many times faster, and nobody starves.
 *
 * <p><b>Crashes.</b> Permits are {@link LeasedPermit leased}: those of a JVM that dies are usable
 * again after the grace; those of one that is paused, after the lease. A JVM that cannot reach
 * Redis for a grace learns through {@link LeasedPermit#lost()} that its permits no longer count,
 * and its waiters wait on; when Redis is back, everything resumes by itself, also if Redis lost all
 * its data.
 *
 * <p><b>Asking and Redis.</b> {@code tryAcquire} without a timeout, which never waits for a permit,
 * asks Redis if no idle permit is at hand, and so takes a round trip; while Redis cannot be reached
 * it answers "not now". Futures complete on virtual threads, never on the thread that gave a permit
 * back nor on the driver's.
 *
 * <p><b>Numbers.</b> {@link #inUse()} and {@link #available()} are about the whole cluster, as of
 * the latest news; {@link #waiting()} and the counters in {@link #stats()} are about this JVM.
 */
public final class RedisSemaphore implements Limiter {
  private final LocalLine line;

  RedisSemaphore(LocalLine line) {
    this.line = line;
  }

  /**
   * Connects to a Redis, within 5 seconds.
   *
   * @param uri of the server: {@code redis://host:port}, {@code rediss://} for TLS, {@code
   *     redis-sentinel://}; with {@code :password@} before the host if one is needed
   * @return the connection, from which semaphores are made
   * @throws IllegalArgumentException if the URI cannot be read
   * @throws RedisUnavailableException if no Redis 6.2 or newer answers in time, or one whose
   *     settings would endanger permits
   */
  public static RedisConnection connect(String uri) {
    return connect(uri, Duration.ofSeconds(5));
  }

  /**
   * Connects to a Redis.
   *
   * @param uri as in {@link #connect(String)}
   * @param timeout how long that may take, above zero
   * @return the connection, from which semaphores are made
   * @throws IllegalArgumentException if the URI cannot be read or the timeout is not above zero
   * @throws RedisUnavailableException if no Redis 6.2 or newer answers in time, or one whose
   *     settings would endanger permits
   */
  public static RedisConnection connect(String uri, Duration timeout) {
    return RedisConnection.open(
        Objects.requireNonNull(uri, "uri"), Objects.requireNonNull(timeout, "timeout"));
  }

  @Override
  public String name() {
    return line.name();
  }

  /**
   * {@inheritDoc}
   *
   * @throws InterruptedException {@inheritDoc}
   */
  @Override
  public LeasedPermit acquire() throws InterruptedException {
    return acquire(1);
  }

  /**
   * {@inheritDoc}
   *
   * @throws InterruptedException {@inheritDoc}
   */
  @Override
  public LeasedPermit acquire(int weight) throws InterruptedException {
    return acquireWithin(weight, Long.MAX_VALUE).orElseThrow();
  }

  private Optional<RedisPermit> acquireWithin(int weight, long nanos) throws InterruptedException {
    requireWeight(weight);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    RedisPermit idle = line.takeIdle(weight);
    if (idle != null) {
      return Optional.of(idle);
    }
    return Optional.ofNullable(nanos <= 0 ? line.attempt(weight) : line.await(weight, nanos));
  }

  @Override
  public Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight) {
    requireWeight(weight);
    RedisPermit idle = line.takeIdle(weight);
    return Optional.ofNullable(idle != null ? idle : line.attempt(weight));
  }

  @Override
  public Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight, Duration timeout) throws InterruptedException {
    requireWeight(weight);
    long nanos = Timing.toNanos(Objects.requireNonNull(timeout, "timeout"));
    return acquireWithin(weight, nanos).map(permit -> permit);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight) {
    requireWeight(weight);
    RedisPermit idle = line.takeIdle(weight);
    if (idle != null) {
      return CompletableFuture.completedFuture(idle);
    }
    try {
      return line.join(weight, null);
    } catch (LimiterClosedException closed) {
      return CompletableFuture.failedFuture(closed);
    }
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    requireWeight(weight);
    Objects.requireNonNull(timeout, "timeout");
    RedisPermit idle = line.takeIdle(weight);
    if (idle != null) {
      return CompletableFuture.completedFuture(idle);
    }
    try {
      return timeout.isPositive() ? line.join(weight, timeout) : line.attemptAsync(weight);
    } catch (LimiterClosedException closed) {
      return CompletableFuture.failedFuture(closed);
    }
  }

  private static void requireWeight(int weight) {
    if (weight < 1) {
      throw new IllegalArgumentException("weight must be at least 1: weight=" + weight);
    }
  }

  /**
   * Returns how many units the whole cluster may have in use, as of the latest news.
   *
   * @return the limit, zero or more
   */
  public int limit() {
    return line.limit();
  }

  /**
   * Sets the limit for all machines. Returns at once; Redis is told as soon as it can be reached.
   * Permits in use are never revoked; if the limit grows, waiters that fit are served.
   *
   * @param limit the new limit, zero or more
   * @throws IllegalArgumentException if the limit is below zero
   */
  public void setLimit(int limit) {
    requireLimit(limit);
    line.setLimit(limit);
  }

  static void requireLimit(int limit) {
    if (limit < 0) {
      throw new IllegalArgumentException("limit must be zero or more: limit=" + limit);
    }
  }

  /**
   * Returns the units in use: here now, elsewhere as of the latest news.
   *
   * @return units in use; above the limit only after it was lowered or Redis lost its data
   */
  public int inUse() {
    return line.stats().inUse();
  }

  /**
   * Returns {@code limit() - inUse()} of one moment.
   *
   * @return units not in use
   */
  public int available() {
    return line.stats().available();
  }

  /**
   * Returns how many requests of this JVM wait.
   *
   * @return requests in line
   */
  public int waiting() {
    return line.stats().waiting();
  }

  @Override
  public LimiterStats stats() {
    return line.stats();
  }

  /**
   * Returns whether {@link #close()} was called.
   *
   * @return whether it is closed
   */
  public boolean isClosed() {
    return line.isClosed();
  }

  /**
   * Closes this JVM's part: its waiters and later callers get a {@link LimiterClosedException},
   * permits that are held stay valid and can be given back. Other machines notice nothing. Never
   * blocks.
   */
  @Override
  public void close() {
    line.close();
  }

  @Override
  public String toString() {
    LimiterStats now = stats();
    return "RedisSemaphore[name=%s limit=%d inUse=%d available=%d waiting=%d]"
        .formatted(now.name(), now.limit(), now.inUse(), now.available(), now.waiting());
  }

  /** For tests: whether nothing is on its way to Redis or back. */
  boolean isQuiet() {
    return line.isQuiet();
  }

  /** Sets what a semaphore does not take from its defaults. Not for several threads at once. */
  public static final class Builder {
    private static final int LONGEST_NAME = 200;

    private final RedisConnection connection;
    private final String name;
    private final int limit;
    private String keyPrefix = "bouncer";
    private LimitPolicy policy = LimitPolicy.KEEP;
    private Duration lease = Duration.ofSeconds(30);
    private Duration grace = Duration.ofSeconds(2);
    private boolean strictFifo;
    private Duration reuse = Duration.ofMillis(1);

    Builder(RedisConnection connection, String name, int limit) {
      this.connection = connection;
      this.name = requireText(name, "name");
      requireLimit(limit);
      this.limit = limit;
    }

    private static String requireText(String text, String what) {
      if (text.isBlank()
          || text.length() > LONGEST_NAME
          || text.matches("(?s).*[{}\\p{Cntrl}].*")) {
        throw new IllegalArgumentException(
            "%s must have 1 to %d characters without braces and control characters: %s=%s"
                .formatted(what, LONGEST_NAME, what, text));
      }
      return text;
    }

    /**
     * Sets how long a JVM that is paused, while its connection stays alive, keeps its permits.
     *
     * @param lease from three times the grace up to a day; 30 seconds by default
     * @return this builder
     */
    public Builder lease(Duration lease) {
      this.lease = Objects.requireNonNull(lease, "lease");
      return this;
    }

    /**
     * Sets how long a JVM that lost its connection keeps its permits, and how long all wait after
     * Redis lost its data. Shorter: faster recovery from a crash; longer: more patience with the
     * network. All machines should use the same.
     *
     * @param grace from 200 milliseconds up to an hour; 2 seconds by default
     * @return this builder
     */
    public Builder grace(Duration grace) {
      this.grace = Objects.requireNonNull(grace, "grace");
      return this;
    }

    /**
     * Makes every permit go through Redis, so that the order is first in, first out over all
     * machines without exception, at the price of a round trip a permit.
     *
     * @param strictFifo false by default
     * @return this builder
     */
    public Builder strictFifo(boolean strictFifo) {
      this.strictFifo = strictFifo;
      return this;
    }

    /**
     * Sets how long a permit that nobody uses may stay in this JVM before it goes back to Redis, if
     * nobody waits for it elsewhere. Without meaning with {@code strictFifo}.
     *
     * @param idle from 100 microseconds up to a minute; 1 millisecond by default
     * @return this builder
     */
    public Builder reuse(Duration idle) {
      this.reuse = Objects.requireNonNull(idle, "idle");
      return this;
    }

    /**
     * Sets the prefix of all keys: {@code prefix:{name}:…}.
     *
     * @param prefix 1 to 200 characters without braces; {@code bouncer} by default
     * @return this builder
     */
    public Builder keyPrefix(String prefix) {
      this.keyPrefix = requireText(prefix, "prefix");
      return this;
    }

    /**
     * Says which limit is in force if Redis remembers another one.
     *
     * @param policy {@link LimitPolicy#KEEP} by default
     * @return this builder
     */
    public Builder limitPolicy(LimitPolicy policy) {
      this.policy = Objects.requireNonNull(policy, "policy");
      return this;
    }

    /**
     * Makes the semaphore. Does not wait for Redis.
     *
     * @return the semaphore
     * @throws IllegalArgumentException if a duration is out of range
     * @throws IllegalStateException if the connection is closed
     */
    public RedisSemaphore build() {
      requireRange("grace", grace, Duration.ofMillis(200), Duration.ofHours(1));
      requireRange("lease", lease, grace.multipliedBy(3), Duration.ofDays(1));
      requireRange(
          "reuse",
          reuse,
          Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(100)),
          Duration.ofMinutes(1));
      return connection.open(
          new Options(
              name,
              keyPrefix,
              limit,
              policy,
              lease.toNanos(),
              grace.toNanos(),
              strictFifo,
              reuse.toNanos()));
    }

    private static void requireRange(String what, Duration value, Duration least, Duration most) {
      if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
        throw new IllegalArgumentException(
            "%s must be between %s and %s: %s=%s".formatted(what, least, most, what, value));
      }
    }
  }
}
