package dev.bouncer;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;

/** A permit of each part of a {@link CompositeLimiter}, given back together, the last one first. */
final class CompositePermit implements Permit {
  private final CompositeLimiter limiter;
  private final int weight;
  private final List<Permit> parts;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Whether it belongs to somebody who stood in line. Guarded by the composite's lock. */
  boolean granted;

  CompositePermit(CompositeLimiter limiter, int weight, List<Permit> parts) {
    this.limiter = limiter;
    this.weight = weight;
    this.parts = parts;
    for (Permit part : parts) {
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
        PartPermits.close(parts, outcome);
      } finally {
        limiter.gaveBack();
      }
    }
  }

  @Override
  public String toString() {
    return "Permit%s%s".formatted(parts, closed.get() ? " closed" : "");
  }
}
