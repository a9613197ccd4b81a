package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;

/** Units of a {@link RateLimiter}: spent, unless they are given back as not used. */
final class RatePermit implements Permit {
  private static final VarHandle CLOSED;

  static {
    try {
      CLOSED = MethodHandles.lookup().findVarHandle(RatePermit.class, "closed", boolean.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final RateLimiter limiter;
  private final int weight;
  private final long takenAt;
  private volatile boolean closed;

  RatePermit(RateLimiter limiter, int weight, long takenAt) {
    this.limiter = limiter;
    this.weight = weight;
    this.takenAt = takenAt;
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
    if (CLOSED.compareAndSet(this, false, true)) {
      if (outcome == Outcome.UNUSED) {
        limiter.putBack(weight, takenAt);
      }
      limiter.closed(weight);
    }
  }

  @Override
  public String toString() {
    return "Permit[limiter=%s weight=%d%s]"
        .formatted(limiter.name(), weight, closed ? " closed" : "");
  }
}
