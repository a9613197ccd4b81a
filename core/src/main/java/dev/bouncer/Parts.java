package dev.bouncer;

import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The limiters that a {@link CompositeLimiter} combines, in the order in which they are taken.
 * Immutable.
 *
 * <p>A combined limiter among them stands for its parts. The limiter of a key that has a global one
 * above is a combined one too, inside. It is asked as a whole nevertheless, because those who want
 * that key have a line of their own there, which makes keys take turns; what it contains is not
 * asked a second time. But whoever holds something while it waits has to go by {@link #apart}: the
 * order of waiting is only the same for all if no part is hidden in another one.
 */
final class Parts {
  private final String name;
  private final List<Part> inOrder;
  private final @Nullable Parts apart;

  private Parts(String name, Set<Part> parts, @Nullable Parts apart) {
    this.name = name;
    this.inOrder = parts.stream().sorted().toList();
    this.apart = apart;
  }

  static Parts of(Limiter first, Limiter... others) {
    Set<Part> parts = new LinkedHashSet<>();
    addTo(parts, Objects.requireNonNull(first, "first"));
    for (Limiter other : others) {
      addTo(parts, Objects.requireNonNull(other, "others"));
    }
    return of(parts);
  }

  /** What the limiter of a key consists of that has a global one above. */
  static Parts ofKey(Part own, Limiter global) {
    Set<Part> parts = new LinkedHashSet<>();
    parts.add(own);
    addTo(parts, global);
    return of(parts);
  }

  private static void addTo(Set<Part> parts, Limiter limiter) {
    if (limiter instanceof CompositeLimiter composite) {
      parts.addAll(composite.parts().all());
    } else {
      parts.add(Part.of(limiter));
    }
  }

  private static Parts of(Set<Part> given) {
    String name = given.stream().map(Part::name).collect(Collectors.joining(", ", "allOf(", ")"));
    Set<Part> apart = new HashSet<>();
    given.forEach(part -> apart.addAll(part.apart()));
    if (apart.equals(given)) {
      return new Parts(name, given, null);
    }
    Parts takenApart = new Parts(name, apart, null);
    Set<Part> outermost = new LinkedHashSet<>(given);
    given.forEach(part ->
        outermost.removeIf(other -> other != part && part.apart().containsAll(other.apart())));
    int units = outermost.stream().mapToInt(part -> part.apart().size()).sum();
    boolean overlap = units > apart.size();
    return overlap ? takenApart : new Parts(name, outermost, takenApart);
  }

  String name() {
    return name;
  }

  List<Part> all() {
    return inOrder;
  }

  Part get(int part) {
    return inOrder.get(part);
  }

  int size() {
    return inOrder.size();
  }

  /** The same limiters with none hidden in another one; itself if they are. */
  Parts apart() {
    return apart == null ? this : apart;
  }

  /** The first of the parts that have no order among each other and with this one. */
  int firstLike(int part) {
    int first = part;
    while (first > 0 && inOrder.get(first - 1).compareTo(inOrder.get(part)) == 0) {
      first--;
    }
    return first;
  }
}
