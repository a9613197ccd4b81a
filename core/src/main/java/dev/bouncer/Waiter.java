package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One request in line. It is the future that {@code acquireAsync} returns and the node of the line
 * at once, 40 bytes in all, so that a million of them are cheap.
 *
 * <p>{@code ticket} decides everything, and only the limiter's lock lets anybody write it:
 *
 * <pre>
 *                    grant (debits the limit first)
 *   weight > 0  ───────────────────────────────────────►  -weight   granted: the permit is its own
 *   in line     ───────────────────────────────────────►  0         left: holds nothing
 *                    timeout, interrupt, cancel, complete by hand, drop, close
 * </pre>
 *
 * <p>Both arrows leave the line in the same critical section, so a waiter is linked exactly while
 * its ticket is positive. Futures are completed after the lock was let go.
 */
class Waiter extends CompletableFuture<Permit> {
  private static final VarHandle TICKET;

  static {
    try {
      TICKET = MethodHandles.lookup().findVarHandle(Waiter.class, "ticket", int.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  final QueuedLimiter limiter;

  /** When it joined the line, in {@link ServedLine#coarseTime} units. */
  final int since;

  /** Neighbours in the line; after that the next of those granted together. Guarded by the lock. */
  @Nullable Waiter next;

  @Nullable Waiter previous;

  private volatile int ticket;

  Waiter(QueuedLimiter limiter, int weight, int since) {
    this.limiter = limiter;
    this.since = since;
    TICKET.set(this, weight); // published by the lock
  }

  final boolean inLine() {
    return ticket > 0;
  }

  final boolean granted() {
    return ticket < 0;
  }

  /** The weight it asked for; only while it is in line or granted. */
  final int weight() {
    return Math.abs(ticket);
  }

  final void grant() {
    ticket = -ticket;
  }

  /** Gives up its place; called with the lock held, while in line. */
  final void leave() {
    ticket = 0;
  }

  /** Tells the one who asked that the ticket was granted. Runs the user's code; holds no lock. */
  void deliver() {
    Permit permit = limiter.unbound(limiter.permit(weight()));
    if (!super.complete(permit)) {
      // Completed past us, by obtrudeValue for instance: the next in line has it.
      permit.close(Outcome.UNUSED);
    }
  }

  /** Tells the one who asked that there will be no permit. Runs the user's code; holds no lock. */
  void refuse(Throwable reason) {
    super.completeExceptionally(reason);
  }

  // Whatever completes the future from outside is giving up: the place in line goes first, and a
  // permit that was granted already wins.

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    return (giveUp() && super.cancel(mayInterruptIfRunning)) || isCancelled();
  }

  @Override
  public boolean complete(Permit value) {
    return giveUp() && super.complete(value);
  }

  @Override
  public boolean completeExceptionally(Throwable failure) {
    Objects.requireNonNull(failure, "failure");
    return giveUp() && super.completeExceptionally(failure);
  }

  @Override
  public CompletableFuture<Permit> completeAsync(
      Supplier<? extends Permit> supplier, Executor executor) {
    Objects.requireNonNull(supplier, "supplier");
    executor.execute(() -> {
      try {
        complete(supplier.get());
      } catch (Throwable thrown) {
        completeExceptionally(thrown);
      }
    });
    return this;
  }

  @Override
  public CompletableFuture<Permit> completeAsync(Supplier<? extends Permit> supplier) {
    return completeAsync(supplier, defaultExecutor());
  }

  @Override
  public void obtrudeValue(Permit value) {
    var _ = giveUp();
    super.obtrudeValue(value);
  }

  @Override
  public void obtrudeException(Throwable failure) {
    Objects.requireNonNull(failure, "failure");
    var _ = giveUp();
    super.obtrudeException(failure);
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }

  /** Leaves the line; false if a permit was granted, which then is or will be in this future. */
  private boolean giveUp() {
    return !isDone() && (limiter.withdraw(this) || !granted());
  }

  @Override
  public String toString() {
    String state =
        isDone()
            ? (isCompletedExceptionally() ? "failed" : "granted")
            : inLine() ? "waiting" : "ending";
    return "acquireAsync[limiter=" + limiter.name() + ", " + state + "]";
  }
}
