package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Units of an {@link AsyncSemaphore}, given back once.
 *
 * <p>{@code ticket} is at least 0 while a lent permit is out: the books decide who gives it back
 * (see {@link AsyncSemaphore}), and the closed mark only follows. Every other permit is {@link
 * #OPEN} until one thread has exchanged that for {@link #CLOSED}.
 */
final class SemaphorePermit implements Permit {
  private static final int OPEN = -1;
  private static final int CLOSED = -2;

  private static final VarHandle TICKET;

  static {
    try {
      TICKET = MethodHandles.lookup().findVarHandle(SemaphorePermit.class, "ticket", int.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final AsyncSemaphore semaphore;
  private final int weight;
  private volatile int ticket;

  SemaphorePermit(AsyncSemaphore semaphore, int weight) {
    this(semaphore, weight, OPEN);
  }

  SemaphorePermit(AsyncSemaphore semaphore, int weight, int ticket) {
    this.semaphore = semaphore;
    this.weight = weight;
    TICKET.set(this, ticket); // a plain write: whoever passes the permit on publishes it
  }

  @Override
  public int weight() {
    return weight;
  }

  @Override
  public void close() {
    int current = ticket;
    if (current >= 0) {
      semaphore.giveBack(this, current);
    } else if (current == OPEN && TICKET.compareAndSet(this, OPEN, CLOSED)) {
      semaphore.giveBack(weight);
    }
  }

  /** A permit with the same ticket, as a thread sees it that has not yet seen it closed. */
  SemaphorePermit copyForTest() {
    return new SemaphorePermit(semaphore, weight, ticket);
  }

  boolean isOpen() {
    return ticket != CLOSED;
  }

  /** Marks a lent permit; the compare-and-set of the books that follows makes it visible. */
  void markClosed() {
    TICKET.setOpaque(this, CLOSED);
  }

  @Override
  public String toString() {
    return "Permit[limiter=%s weight=%d%s]"
        .formatted(semaphore.name(), weight, isOpen() ? "" : " closed");
  }
}
