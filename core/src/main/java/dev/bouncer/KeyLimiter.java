package dev.bouncer;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The limiter of one key of a {@link KeyedLimiter}. It tries the key's limiter that it knows; if
 * that gives nothing, it looks the key up, again and again while what it found is evicted. Nothing
 * needs to be counted on the way: a limiter that is at work cannot be evicted.
 */
abstract sealed class KeyLimiter<K> implements Limiter permits KeyEntry, KeyHandle {
  private final KeyedLimiter<K> keyed;
  private final K key;

  KeyLimiter(KeyedLimiter<K> keyed, K key) {
    this.keyed = keyed;
    this.key = key;
  }

  /**
   * What the key had when it was last looked at. It may have been evicted since, and then gives no
   * permits.
   */
  abstract @Nullable KeyEntry<K> known();

  /** Takes notice of what the key has now. */
  abstract void found(KeyEntry<K> entry);

  private KeyEntry<K> entry() {
    KeyEntry<K> entry = keyed.entry(key);
    found(entry);
    return entry;
  }

  final long keyedNumber() {
    return keyed.number;
  }

  /** The limiter above all keys. */
  final @Nullable Limiter global() {
    return keyed.global();
  }

  @Override
  public final boolean equals(@Nullable Object other) {
    return other instanceof KeyLimiter<?> same && keyed == same.keyed && key.equals(same.key);
  }

  @Override
  public final int hashCode() {
    return key.hashCode();
  }

  @Override
  public final String name() {
    return keyed.look(key, Limiter::name);
  }

  @Override
  public final Permit acquire() throws InterruptedException {
    return acquire(1);
  }

  @Override
  public final Permit acquire(int weight) throws InterruptedException {
    KeyEntry<K> known = known();
    if (known != null && weight > 0 && !Thread.currentThread().isInterrupted()) {
      // Mostly this is all; by itself it is small enough to be compiled into the caller.
      Permit free = known.limiter.tryTake(weight);
      if (free != null) {
        return free;
      }
    }
    return acquireInLine(weight);
  }

  private Permit acquireInLine(int weight) throws InterruptedException {
    while (true) {
      KeyEntry<K> entry = entry();
      try {
        return entry.limiter.acquire(weight);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  @Override
  public final Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public final Optional<Permit> tryAcquire(int weight) {
    KeyEntry<K> known = known();
    if (known != null && weight > 0) {
      Permit free = known.limiter.tryTake(weight);
      if (free != null) {
        return Optional.of(free);
      }
    }
    return tryAcquireInLine(weight);
  }

  private Optional<Permit> tryAcquireInLine(int weight) {
    while (true) {
      KeyEntry<K> entry = entry();
      try {
        return entry.limiter.tryAcquire(weight);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  @Override
  public final Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public final Optional<Permit> tryAcquire(int weight, Duration timeout)
      throws InterruptedException {
    while (true) {
      KeyEntry<K> entry = entry();
      try {
        return entry.limiter.tryAcquire(weight, timeout);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync(int weight) {
    return ask(entry -> entry.limiter.acquireAsync(weight));
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    return ask(entry -> entry.limiter.acquireAsync(weight, timeout));
  }

  private CompletableFuture<Permit> ask(Function<KeyEntry<K>, CompletableFuture<Permit>> question) {
    while (true) {
      KeyEntry<K> entry;
      try {
        entry = entry();
      } catch (LimiterClosedException | LimiterFullException refused) {
        return CompletableFuture.failedFuture(refused);
      }
      CompletableFuture<Permit> answer = question.apply(entry);
      if (!answer.isCompletedExceptionally()
          || !(answer.exceptionNow() instanceof LimiterClosedException)
          || !keyed.isGone(key, entry)) {
        return answer;
      }
    }
  }

  /** As {@link #tryAcquire(int)}, but only of the key's own limiter, not of the one above. */
  final Optional<Permit> tryAcquireOwn(int weight) {
    while (true) {
      KeyEntry<K> entry = keyed.entry(key);
      try {
        return entry.own().tryAcquire(weight);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  /** As {@link #acquireAsync(int)}, but only of the key's own limiter, not of the one above. */
  final CompletableFuture<Permit> acquireOwnAsync(int weight) {
    return ask(entry -> entry.own().acquireAsync(weight));
  }

  private void requireGone(KeyEntry<K> entry, LimiterClosedException found) {
    if (!keyed.isGone(key, entry)) {
      throw found;
    }
  }

  @Override
  public final LimiterStats stats() {
    return keyed.look(key, Limiter::stats);
  }

  @Override
  public final void close() {
    KeyEntry<K> entry;
    do {
      if (keyed.isClosed()) {
        return; // this key with all others
      }
      entry = entry();
      entry.closeLimiters();
    } while (keyed.isGone(key, entry));
  }

  @Override
  public final String toString() {
    return "KeyLimiter[key=%s %s]".formatted(key, keyed.has(key) ? stats() : "idle");
  }
}
