package dev.bouncer;

import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A permit of each part of a {@link CompositeLimiter}, given back together, the last one first. */
final class CompositePermit implements Permit {
  private final CompositeLimiter limiter;
  private final int weight;
  private final Permit[] parts;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Whether it belongs to somebody who stood in line. Guarded by the composite's lock. */
  boolean granted;

  CompositePermit(CompositeLimiter limiter, int weight, @Nullable Permit[] parts) {
    this.limiter = limiter;
    this.weight = weight;
    this.parts = Arrays.stream(parts).map(Objects::requireNonNull).toArray(Permit[]::new);
    for (Permit part : this.parts) {
      if (part instanceof AdaptivePermit adaptive) {
        adaptive.beginAt(limiter.timing.nanoTime()); // it may have waited for other parts
      }
    }
  }

  @Override
  public int weight() {
    return weight;
  }

  @Override
  public void close() {
    close(Outcome.SUCCESS);
  }

  @Override
  public void close(Outcome outcome) {
    Objects.requireNonNull(outcome, "outcome");
    if (closed.compareAndSet(false, true)) {
      try {
        CompositeLimiter.closeAll(Arrays.asList(parts).reversed(), outcome);
      } finally {
        limiter.gaveBack();
      }
    }
  }

  @Override
  public String toString() {
    return "Permit%s%s".formatted(Arrays.toString(parts), closed.get() ? " closed" : "");
  }
}
