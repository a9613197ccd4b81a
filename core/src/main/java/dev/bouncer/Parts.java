package dev.bouncer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.StringJoiner;

/**
 * The limiters that a {@link CompositeLimiter} combines, in the order in which they are taken and
 * waited for.
 *
 * <p>The order is the same for everybody who combines the same limiters, also for limiters of keys,
 * which are made anew each time. Places come before rates: a place that is waited for must not cost
 * a rate that was taken before. Limiters from elsewhere go by their names, which are the same in
 * each JVM that shares them. It is not always strict: see {@link #firstLike}.
 *
 * <p>Parts that are combined themselves stand for their parts, or the order would not be the same
 * for all. Immutable.
 */
final class Parts {
  private static final int FROM_ELSEWHERE = 2;

  private static final Comparator<Limiter> ORDER = Parts::compare;

  private final String name;
  private final List<Limiter> inOrder;

  private Parts(Set<Limiter> parts) {
    StringJoiner names = new StringJoiner(", ", "allOf(", ")");
    for (Limiter part : parts) {
      names.add(part.name());
    }
    this.name = names.toString();
    List<Limiter> sorted = new ArrayList<>(parts);
    sorted.sort(ORDER);
    this.inOrder = List.copyOf(sorted);
  }

  static Parts of(Limiter first, Limiter... others) {
    Set<Limiter> parts = new LinkedHashSet<>();
    addTo(parts, Objects.requireNonNull(first, "first"));
    for (Limiter other : others) {
      addTo(parts, Objects.requireNonNull(other, "others"));
    }
    return new Parts(parts);
  }

  private static void addTo(Set<Limiter> parts, Limiter limiter) {
    if (limiter instanceof CompositeLimiter composite) {
      parts.addAll(composite.parts().all());
    } else {
      parts.add(limiter);
    }
  }

  String name() {
    return name;
  }

  List<Limiter> all() {
    return inOrder;
  }

  Limiter get(int part) {
    return inOrder.get(part);
  }

  int size() {
    return inOrder.size();
  }

  // The order.

  private static int compare(Limiter one, Limiter other) {
    int kind = kind(one);
    int byKind = Integer.compare(kind, kind(other));
    if (byKind != 0) {
      return byKind;
    }
    int byName = kind == FROM_ELSEWHERE ? one.name().compareTo(other.name()) : 0;
    if (byName != 0) {
      return byName;
    }
    int byNumber = Long.compare(number(one), number(other));
    return byNumber != 0 ? byNumber : Integer.compare(key(one), key(other));
  }

  private static int kind(Limiter part) {
    return switch (part) {
      case RateLimiter _ -> 3;
      case QueuedLimiter _ -> 0;
      case KeyLimiter<?> _ -> 1;
      default -> FROM_ELSEWHERE;
    };
  }

  private static long number(Limiter part) {
    return switch (part) {
      case QueuedLimiter queued -> queued.number;
      case KeyLimiter<?> key -> key.keyedNumber();
      default -> System.identityHashCode(part);
    };
  }

  private static int key(Limiter part) {
    return part instanceof KeyLimiter<?> key ? key.hashCode() : 0;
  }

  /** The first of the parts that have no order among each other and with this one. */
  int firstLike(int part) {
    int first = part;
    while (first > 0 && ORDER.compare(inOrder.get(first - 1), inOrder.get(part)) == 0) {
      first--;
    }
    return first;
  }
}
