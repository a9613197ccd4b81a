package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;

/** Units of an {@link AdaptiveLimiter}, which learns from how long they are held. */
final class AdaptivePermit implements Permit {
  private static final VarHandle CLOSED;

  static {
    try {
      CLOSED = MethodHandles.lookup().findVarHandle(AdaptivePermit.class, "closed", boolean.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final AdaptiveLimiter limiter;
  private final int weight;
  private long began;
  private volatile boolean closed;

  AdaptivePermit(AdaptiveLimiter limiter, int weight, long began) {
    this.limiter = limiter;
    this.weight = weight;
    this.began = began;
  }

  /** The work begins only now; called before anybody else has the permit. */
  void beginAt(long now) {
    began = now;
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
      limiter.giveBack(weight, began, outcome);
    }
  }

  @Override
  public String toString() {
    return "Permit[limiter=%s weight=%d%s]"
        .formatted(limiter.name(), weight, closed ? " closed" : "");
  }
}
