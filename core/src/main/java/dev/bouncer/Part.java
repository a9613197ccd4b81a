package dev.bouncer;

import java.util.HashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One of the limiters that a {@link CompositeLimiter} combines: how it is asked, and its place in
 * the order in which all combined limiters wait for their parts.
 *
 * <p>Places come before rates: a place that is waited for must not cost a rate that was taken
 * before. The own limiter of a key goes by its key, because it is made anew each time; limiters
 * from elsewhere go by their names, which are the same in each JVM that shares them. So two parts
 * may compare as equal and not be the same.
 */
abstract sealed class Part implements Comparable<Part> {
  private enum Kind {
    PLACES,
    KEY,
    ELSEWHERE,
    RATE
  }

  private final Kind kind;
  private final String nameInOrder;
  private final long number;
  private final int key;

  private Part(Kind kind, String nameInOrder, long number, int key) {
    this.kind = kind;
    this.nameInOrder = nameInOrder;
    this.number = number;
    this.key = key;
  }

  /** A limiter that is asked as it is. */
  static Part of(Limiter limiter) {
    return switch (limiter) {
      case RateLimiter rate -> new Whole(rate, Kind.RATE, "", rate.number, 0);
      case QueuedLimiter places -> new Whole(places, Kind.PLACES, "", places.number, 0);
      case KeyLimiter<?> key -> new Whole(key, Kind.KEY, "", key.keyedNumber(), key.hashCode());
      default ->
          new Whole(limiter, Kind.ELSEWHERE, limiter.name(), System.identityHashCode(limiter), 0);
    };
  }

  /** The own limiter that a key has at present, in the place of {@link #ownOf} that key. */
  static Part presentOwnOf(KeyLimiter<?> key, QueuedLimiter own) {
    return own instanceof RateLimiter
        ? of(own)
        : new Whole(own, Kind.KEY, "", key.keyedNumber(), key.hashCode());
  }

  /** Whatever own limiter a key has when it is asked, without the global one above. */
  static Part ownOf(KeyLimiter<?> key) {
    return new OwnOfKey(key);
  }

  abstract String name();

  abstract Optional<Permit> tryAcquire(int weight);

  abstract CompletableFuture<Permit> acquireAsync(int weight);

  /** The limiter, if it can be asked for its numbers without running code of users. */
  abstract @Nullable QueuedLimiter ours();

  abstract LimiterStats stats();

  /** What it consists of, each a part that contains no other; itself if it is one. */
  abstract Set<Part> apart();

  @Override
  public final int compareTo(Part other) {
    int byKind = kind.compareTo(other.kind);
    int byName = byKind != 0 ? byKind : nameInOrder.compareTo(other.nameInOrder);
    int byNumber = byName != 0 ? byName : Long.compare(number, other.number);
    return byNumber != 0 ? byNumber : Integer.compare(key, other.key);
  }

  /** Equal if it is the same limiter, not if it has the same place in the order. */
  @Override
  public abstract boolean equals(@Nullable Object other);

  @Override
  public abstract int hashCode();

  private static final class Whole extends Part {
    private final Limiter limiter;

    private Whole(Limiter limiter, Kind kind, String nameInOrder, long number, int key) {
      super(kind, nameInOrder, number, key);
      this.limiter = limiter;
    }

    @Override
    String name() {
      return limiter.name();
    }

    @Override
    Optional<Permit> tryAcquire(int weight) {
      return limiter.tryAcquire(weight);
    }

    @Override
    CompletableFuture<Permit> acquireAsync(int weight) {
      return limiter.acquireAsync(weight);
    }

    @Override
    @Nullable QueuedLimiter ours() {
      return limiter instanceof QueuedLimiter queued ? queued : null;
    }

    @Override
    LimiterStats stats() {
      return limiter.stats();
    }

    @Override
    Set<Part> apart() {
      Limiter global = limiter instanceof KeyLimiter<?> key ? key.global() : null;
      if (global == null) {
        return Set.of(this);
      }
      Set<Part> apart = new HashSet<>(Parts.of(global).apart().all());
      apart.add(ownOf((KeyLimiter<?>) limiter));
      return apart;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Whole whole && limiter.equals(whole.limiter);
    }

    @Override
    public int hashCode() {
      return limiter.hashCode();
    }
  }

  private static final class OwnOfKey extends Part {
    private final KeyLimiter<?> key;

    private OwnOfKey(KeyLimiter<?> key) {
      super(Kind.KEY, "", key.keyedNumber(), key.hashCode());
      this.key = key;
    }

    @Override
    String name() {
      return key.name();
    }

    @Override
    Optional<Permit> tryAcquire(int weight) {
      return key.tryAcquireOwn(weight);
    }

    @Override
    CompletableFuture<Permit> acquireAsync(int weight) {
      return key.acquireOwnAsync(weight);
    }

    @Override
    @Nullable QueuedLimiter ours() {
      return null;
    }

    @Override
    LimiterStats stats() {
      return key.stats(); // with what is above, which is a part too
    }

    @Override
    Set<Part> apart() {
      return Set.of(this);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof OwnOfKey own && key.equals(own.key);
    }

    @Override
    public int hashCode() {
      return Objects.hash(OwnOfKey.class, key);
    }
  }
}
