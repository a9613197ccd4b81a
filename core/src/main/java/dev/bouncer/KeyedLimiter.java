package dev.bouncer;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A limiter for each key: for each host, tenant or user. They are made when they are first asked
 * for, and gone when nobody needs them any more.
 *
 * <pre>{@code
 * KeyedLimiter<String> perHost = KeyedLimiter.perKey(host -> AsyncSemaphore.of(5));
 * try (var _ = perHost.forKey(uri.getHost()).acquire()) {
 *   callTheApi(uri);
 * }
 * }</pre>
 *
 * <p><b>One limiter a key.</b> {@link #forKey} gives a limiter that is good for ever; it finds the
 * key's present one at each call. A key that gave no permit during {@link Builder#idleAfter} is
 * evicted, unless a permit of it is held, somebody waits, or a rate is not complete again. That
 * check and the eviction are one step: whoever comes at that moment gets a permit of the old
 * limiter, which then stays, or of a new one, when the old one is gone. Never are there two at work
 * for one key. An evicted key leaves nothing behind.
 *
 * <p><b>A limit above.</b> With {@link Builder#global} each permit is one of the global limiter
 * too, as with {@link Limiter#allOf}. Only the first in line of each key stands in line there, so
 * keys are served in turn, and a busy one cannot starve the others however many requests it has.
 *
 * <p><b>A cap.</b> With {@link Builder#maxKeys} a key that would be one too many takes the place of
 * an idle one; if none is found, it is refused with a {@link LimiterFullException}.
 *
 * <p>All methods may be called from any thread. Memory effects are those of each key's limiter.
 *
 * @param <K> the type of the keys; with {@code equals} and {@code hashCode} that do not change
 */
public final class KeyedLimiter<K> implements AutoCloseable {
  private static final int EXAMINED_FOR_A_PLACE = 256;
  private static final AtomicLong NUMBERS = new AtomicLong();

  /** Orders all keyed limiters, as {@link QueuedLimiter#number} does the others. */
  final long number = NUMBERS.incrementAndGet();

  private final Function<? super K, ? extends Limiter> perKey;
  private final @Nullable Limiter global;
  private final int maxKeys;
  private final long idleNanos;
  private final Timing timing;
  private final KeyTable<K, KeyEntry<K>> entries = new KeyTable<>();

  /** Keys that are there or about to be. */
  private final AtomicInteger keys = new AtomicInteger();

  private final AtomicBoolean sweepComing = new AtomicBoolean();
  private volatile boolean closed;

  private KeyedLimiter(Builder<K> builder, Timing timing) {
    this.perKey = builder.perKey;
    this.global = builder.global;
    this.maxKeys = builder.maxKeys;
    this.idleNanos = builder.idleNanos;
    this.timing = timing;
  }

  /**
   * Creates a limiter of the given kind for each key; idle keys are evicted after a minute.
   *
   * @param <K> the type of the keys
   * @param limiter makes the limiter of a key, see {@link #builder}
   * @return the keyed limiter
   */
  public static <K> KeyedLimiter<K> perKey(Function<? super K, ? extends Limiter> limiter) {
    return KeyedLimiter.<K>builder(limiter).build();
  }

  /**
   * Starts to describe a keyed limiter.
   *
   * @param <K> the type of the keys
   * @param limiter makes the limiter of a key. It must be a new one, for this key alone, because it
   *     is closed when the key is evicted; what keys share belongs into {@link Builder#global}.
   *     When threads race for a new key it may be called more than once; all but one of the
   *     limiters are closed without having been used.
   * @return a builder
   */
  public static <K> Builder<K> builder(Function<? super K, ? extends Limiter> limiter) {
    return new Builder<>(Objects.requireNonNull(limiter, "limiter"));
  }

  /**
   * Returns the limiter of a key. It can be kept or asked for each time, which costs little, and
   * stays right when the key is evicted and comes back; one that is kept saves a look at the table,
   * and holds on to the memory of the key's limiter. Its numbers are those of the key's present
   * limiter, or of one as it would be made; asking for them makes none. Closing it closes the key's
   * limiter, and the key stays closed.
   *
   * @param key which key
   * @return its limiter
   */
  public Limiter forKey(K key) {
    KeyEntry<K> present = entries.get(Objects.requireNonNull(key, "key"));
    return present == null ? new KeyHandle<>(this, key) : present;
  }

  /**
   * Returns how many keys have a limiter at present.
   *
   * @return the number of keys
   */
  public int keys() {
    return entries.size();
  }

  /**
   * Returns the numbers of all keys that have a limiter at present. Not a snapshot of one moment.
   *
   * @return the numbers by key, a copy
   */
  public Map<K, LimiterStats> stats() {
    Map<K, LimiterStats> stats = new HashMap<>();
    entries.forEach((key, entry) -> stats.put(key, entry.limiter.stats()));
    return stats;
  }

  /**
   * Returns whether {@link #close} was called.
   *
   * @return whether it was
   */
  public boolean isClosed() {
    return closed;
  }

  /**
   * Closes the limiters of all keys for good, and no key gets a new one: those who wait and those
   * who ask later get a {@link LimiterClosedException}. The global limiter stays open. Permits that
   * are held stay valid. Never blocks.
   */
  @Override
  public void close() {
    closed = true;
    entries.forEach((_, entry) -> entry.closeLimiters());
  }

  @Override
  public String toString() {
    return "KeyedLimiter[keys=%d%s]".formatted(keys(), closed ? " closed" : "");
  }

  // Finding and making.

  KeyEntry<K> entry(K key) {
    KeyEntry<K> entry = entries.get(key);
    return entry == null ? make(key) : entry;
  }

  private KeyEntry<K> make(K key) {
    requireOpen(key);
    if (isFull() && !entries.contains(key)) {
      throw full(key); // before anything is made for nothing
    }
    KeyEntry<K> made = newEntry(key);
    boolean used = false;
    try {
      KeyEntry<K> present = putIfAbsent(key, made);
      used = present == made;
      if (used && closed) {
        made.closeLimiters(); // whoever closes all may have overlooked it
      }
      sendForSweep();
      return present;
    } finally {
      if (!used) {
        made.closeLimiters();
      }
    }
  }

  private KeyEntry<K> newEntry(K key) {
    Limiter made = Objects.requireNonNull(perKey.apply(key), "the function made no limiter");
    QueuedLimiter own =
        made instanceof QueuedLimiter queued ? queued : CompositeLimiter.of(timing, made);
    return new KeyEntry<>(
        this,
        key,
        global == null
            ? own
            : CompositeLimiter.ofKey(new KeyHandle<>(this, key), own, global, timing),
        made);
  }

  /**
   * Puts an entry in its place, if there is one, and returns it, or the one that is there. No code
   * of users runs between the counting of a place and its use, so whoever sees one counted that is
   * not used has only a moment to wait.
   */
  private KeyEntry<K> putIfAbsent(K key, KeyEntry<K> made) {
    while (true) {
      int now = keys.get();
      if (now < maxKeys && keys.compareAndSet(now, now + 1)) {
        KeyEntry<K> earlier = entries.putIfAbsent(key, made);
        if (earlier != null) {
          keys.getAndDecrement();
        }
        return earlier == null ? made : earlier;
      }
      KeyEntry<K> earlier = entries.get(key);
      if (earlier != null) {
        return earlier;
      }
      if (isFull()) {
        throw full(key);
      }
      Thread.onSpinWait();
    }
  }

  /** Whether all places are in use by keys that cannot be evicted. */
  private boolean isFull() {
    return keys.get() >= maxKeys && !evictOne() && entries.size() >= maxKeys;
  }

  private void requireOpen(K key) {
    if (closed) {
      throw new LimiterClosedException("the keyed limiter is closed: key=" + key);
    }
  }

  private LimiterFullException full(K key) {
    return new LimiterFullException(
        "all keys are in use: key=%s keys=%d maxKeys=%d".formatted(key, keys.get(), maxKeys));
  }

  /**
   * Answers a question about the limiter of a key. A key that has none does not get one by that:
   * one is made to be looked at, and forgotten.
   */
  <R> R look(K key, Function<? super Limiter, ? extends R> question) {
    KeyEntry<K> present = entries.get(key);
    if (present != null) {
      return question.apply(present.limiter);
    }
    KeyEntry<K> unused = newEntry(key);
    try {
      return question.apply(unused.limiter);
    } finally {
      unused.closeLimiters();
    }
  }

  @Nullable Limiter global() {
    return global;
  }

  boolean has(K key) {
    return entries.contains(key);
  }

  // Evicting.

  /** Sees a limiter of a key that was found closed off, if that is because it was evicted. */
  boolean isGone(K key, KeyEntry<K> entry) {
    if (!entry.own().isRetired()) {
      return false;
    }
    forget(key, entry); // the one who evicts it is about to
    return true;
  }

  /** Evicts an idle key, used lately or not, if one is among the next few. */
  boolean evictOne() {
    for (int examined = 0; examined < EXAMINED_FOR_A_PLACE; examined++) {
      Map.Entry<K, KeyEntry<K>> next = entries.next();
      if (next == null) {
        return false;
      }
      if (evictIfIdle(next.getKey(), next.getValue())) {
        return true;
      }
    }
    return false;
  }

  private boolean evictIfIdle(K key, KeyEntry<K> entry) {
    if (!entry.retireIfIdle()) {
      return false;
    }
    forget(key, entry);
    entry.closeMade();
    return true;
  }

  private void forget(K key, KeyEntry<K> entry) {
    if (entries.remove(key, entry)) {
      keys.getAndDecrement();
    }
  }

  /** Evicts the keys that gave no permit since the last sweep; one that fails stops no other. */
  void sweep() {
    List<RuntimeException> failures = new ArrayList<>();
    entries.forEach((key, entry) -> {
      try {
        if (!entry.wasUsedSinceSweep()) {
          var _ = evictIfIdle(key, entry);
        }
      } catch (RuntimeException ofLimiterFromElsewhere) {
        failures.add(ofLimiterFromElsewhere);
      }
    });
    var _ = entries.shrink();
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
  }

  private void sendForSweep() {
    if (!closed && sweepComing.compareAndSet(false, true)) {
      var _ = timing.after(idleNanos, new Sweep(new WeakReference<>(this)));
    }
  }

  /** Keeps no keyed limiter alive that everybody else has forgotten. */
  private record Sweep(WeakReference<KeyedLimiter<?>> of) implements Runnable {
    @Override
    public void run() {
      KeyedLimiter<?> limiter = of.get();
      if (limiter != null) {
        try {
          limiter.sweep();
        } finally { // a limiter from elsewhere may have failed
          limiter.sweepComing.set(false);
          if (limiter.keys() > 0) {
            limiter.sendForSweep();
          }
        }
      }
    }
  }

  /**
   * Describes a {@link KeyedLimiter}. Not thread-safe.
   *
   * @param <K> the type of the keys
   */
  public static final class Builder<K> {
    private final Function<? super K, ? extends Limiter> perKey;
    private @Nullable Limiter global;
    private int maxKeys = Integer.MAX_VALUE;
    private long idleNanos = Duration.ofMinutes(1).toNanos();

    private Builder(Function<? super K, ? extends Limiter> perKey) {
      this.perKey = perKey;
    }

    /**
     * Sets a limiter of which every permit holds one too, whatever its key. The default is none.
     *
     * @param global the limiter above all keys; it is never closed by the keyed limiter
     * @return this builder
     */
    public Builder<K> global(Limiter global) {
      this.global = Objects.requireNonNull(global, "global");
      return this;
    }

    /**
     * Sets how many keys may have a limiter at once. The default is no cap. Where strangers choose
     * the keys, set one: each key costs some hundred bytes until it is evicted.
     *
     * @param maxKeys the cap, at least 1
     * @return this builder
     * @throws IllegalArgumentException if the number is below 1
     */
    public Builder<K> maxKeys(int maxKeys) {
      if (maxKeys < 1) {
        throw new IllegalArgumentException("maxKeys must be at least 1: maxKeys=" + maxKeys);
      }
      this.maxKeys = maxKeys;
      return this;
    }

    /**
     * Sets how long a key must not have given a permit before it is evicted. The default is a
     * minute. It is evicted at most as long again after that.
     *
     * @param idleAfter a time more than zero
     * @return this builder
     * @throws IllegalArgumentException if the time is zero or less
     */
    public Builder<K> idleAfter(Duration idleAfter) {
      if (idleAfter.isZero() || idleAfter.isNegative()) {
        throw new IllegalArgumentException(
            "idleAfter must be more than zero: idleAfter=" + idleAfter);
      }
      this.idleNanos = Timing.toNanos(idleAfter);
      return this;
    }

    /**
     * Creates the keyed limiter, with no keys.
     *
     * @return a new keyed limiter
     */
    public KeyedLimiter<K> build() {
      return build(Timing.SYSTEM);
    }

    KeyedLimiter<K> build(Timing timing) {
      return new KeyedLimiter<>(this, timing);
    }
  }
}
