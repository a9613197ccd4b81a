package dev.bouncer;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The limiter of one key of a {@link KeyedLimiter}. It tries the key's limiter that was found last;
 * if that gives nothing, it looks the key up, again and again while what it found is evicted.
 * Nothing needs to be counted on the way: a limiter that is at work cannot be evicted.
 */
final class KeyLimiter<K> implements Limiter {
  private final KeyedLimiter<K> keyed;
  private final K key;

  /**
   * The key's limiter when it was looked up last. One that was evicted since gives no permits, so
   * it does no harm that it may be old.
   */
  private KeyedLimiter.@Nullable Entry last;

  KeyLimiter(KeyedLimiter<K> keyed, K key, KeyedLimiter.@Nullable Entry present) {
    this.keyed = keyed;
    this.key = key;
    this.last = present;
  }

  private KeyedLimiter.Entry entry() {
    KeyedLimiter.Entry entry = keyed.entry(key);
    last = entry;
    return entry;
  }

  long keyedNumber() {
    return keyed.number;
  }

  /** The limiter above all keys. */
  @Nullable Limiter global() {
    return keyed.global();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof KeyLimiter<?> same && keyed == same.keyed && key.equals(same.key);
  }

  @Override
  public int hashCode() {
    return key.hashCode();
  }

  @Override
  public String name() {
    return keyed.look(key, Limiter::name);
  }

  @Override
  public Permit acquire() throws InterruptedException {
    return acquire(1);
  }

  @Override
  public Permit acquire(int weight) throws InterruptedException {
    KeyedLimiter.Entry present = last;
    if (present != null && weight > 0 && !Thread.currentThread().isInterrupted()) {
      // Mostly this is all; by itself it is small enough to be compiled into the caller.
      Permit free = present.limiter.tryTake(weight);
      if (free != null) {
        return free;
      }
    }
    return acquireInLine(weight);
  }

  private Permit acquireInLine(int weight) throws InterruptedException {
    while (true) {
      KeyedLimiter.Entry entry = entry();
      try {
        return entry.limiter.acquire(weight);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  @Override
  public Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight) {
    KeyedLimiter.Entry present = last;
    if (present != null && weight > 0) {
      Permit free = present.limiter.tryTake(weight);
      if (free != null) {
        return Optional.of(free);
      }
    }
    return tryAcquireInLine(weight);
  }

  private Optional<Permit> tryAcquireInLine(int weight) {
    while (true) {
      KeyedLimiter.Entry entry = entry();
      try {
        return entry.limiter.tryAcquire(weight);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  @Override
  public Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight, Duration timeout) throws InterruptedException {
    while (true) {
      KeyedLimiter.Entry entry = entry();
      try {
        return entry.limiter.tryAcquire(weight, timeout);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  @Override
  public CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight) {
    return ask(entry -> entry.limiter.acquireAsync(weight));
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    return ask(entry -> entry.limiter.acquireAsync(weight, timeout));
  }

  private CompletableFuture<Permit> ask(
      Function<KeyedLimiter.Entry, CompletableFuture<Permit>> question) {
    while (true) {
      KeyedLimiter.Entry entry;
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
  Optional<Permit> tryAcquireOwn(int weight) {
    while (true) {
      KeyedLimiter.Entry entry = keyed.entry(key);
      try {
        return entry.own().tryAcquire(weight);
      } catch (LimiterClosedException found) {
        requireGone(entry, found);
      }
    }
  }

  /** As {@link #acquireAsync(int)}, but only of the key's own limiter, not of the one above. */
  CompletableFuture<Permit> acquireOwnAsync(int weight) {
    return ask(entry -> entry.own().acquireAsync(weight));
  }

  private void requireGone(KeyedLimiter.Entry entry, LimiterClosedException found) {
    if (!keyed.isGone(key, entry)) {
      throw found;
    }
  }

  @Override
  public LimiterStats stats() {
    return keyed.look(key, Limiter::stats);
  }

  @Override
  public void close() {
    KeyedLimiter.Entry entry;
    do {
      if (keyed.isClosed()) {
        return; // this key with all others
      }
      entry = entry();
      entry.close();
    } while (keyed.isGone(key, entry));
  }

  @Override
  public String toString() {
    return "KeyLimiter[key=%s %s]".formatted(key, keyed.has(key) ? stats() : "idle");
  }
}
