package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** Units of an {@link AsyncSemaphore}, given back once. */
final class SemaphorePermit implements Permit {
  private static final VarHandle CLOSED;

  static {
    try {
      CLOSED = MethodHandles.lookup().findVarHandle(SemaphorePermit.class, "closed", boolean.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final AsyncSemaphore semaphore;
  private final int weight;

  @SuppressWarnings("unused") // through CLOSED
  private volatile boolean closed;

  SemaphorePermit(AsyncSemaphore semaphore, int weight) {
    this.semaphore = semaphore;
    this.weight = weight;
  }

  @Override
  public int weight() {
    return weight;
  }

  @Override
  public void close() {
    if (CLOSED.compareAndSet(this, false, true)) {
      semaphore.giveBack(weight);
    }
  }

  @Override
  public String toString() {
    return "Permit[limiter=%s weight=%d%s]"
        .formatted(semaphore.name(), weight, closed ? " closed" : "");
  }
}
