package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Units of an {@link AsyncSemaphore}, given back once.
 *
 * <p>{@code loan} is at least 0 while a lent permit is out: the books decide who gives it back (see
 * {@link AsyncSemaphore}), and the closed mark only follows. Every other permit is {@link #OPEN}
 * until one thread has exchanged that for {@link #CLOSED}.
 */
final class SemaphorePermit implements Permit {
  private static final int OPEN = -1;
  private static final int CLOSED = -2;

  private static final VarHandle LOAN;

  static {
    try {
      LOAN = MethodHandles.lookup().findVarHandle(SemaphorePermit.class, "loan", int.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final AsyncSemaphore semaphore;
  private final int weight;
  private volatile int loan;

  SemaphorePermit(AsyncSemaphore semaphore, int weight) {
    this(semaphore, weight, OPEN);
  }

  SemaphorePermit(AsyncSemaphore semaphore, int weight, int loan) {
    this.semaphore = semaphore;
    this.weight = weight;
    LOAN.set(this, loan); // a plain write: whoever passes the permit on publishes it
  }

  @Override
  public int weight() {
    return weight;
  }

  @Override
  public void close() {
    int current = loan;
    if (current >= 0) {
      semaphore.giveBack(this, current);
    } else if (current == OPEN && LOAN.compareAndSet(this, OPEN, CLOSED)) {
      semaphore.giveBack(weight);
    }
  }

  /** A permit with the same loan, as a thread sees it that has not yet seen it closed. */
  SemaphorePermit copyForTest() {
    return new SemaphorePermit(semaphore, weight, loan);
  }

  boolean isOpen() {
    return loan != CLOSED;
  }

  /** Marks a lent permit; the compare-and-set of the books that follows makes it visible. */
  void markClosed() {
    LOAN.setOpaque(this, CLOSED);
  }

  @Override
  public String toString() {
    return "Permit[limiter=%s weight=%d%s]"
        .formatted(semaphore.name(), weight, isOpen() ? "" : " closed");
  }
}
