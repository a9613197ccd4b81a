package dev.bouncer.redis;

import dev.bouncer.Permit;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A request that holds no thread: {@link #future} is what {@code acquireAsync} returns. */
final class FutureWaiter extends Waiter {
  final CompletableFuture<Permit> future = new PermitFuture(this);

  /** What ends the wait by itself. */
  private volatile @Nullable Future<?> alarm;

  FutureWaiter(LocalLine owner, int weight, long since) {
    super(owner, weight, since);
  }

  void setAlarm(Future<?> timeout) {
    alarm = timeout;
    if (!isWaiting()) {
      timeout.cancel(false);
    }
  }

  @Override
  void tell() {
    Future<?> timeout = alarm;
    if (timeout != null) {
      timeout.cancel(false);
    }
    RedisPermit permit = permit();
    Throwable refusal = refusal();
    if (permit == null && refusal == null) {
      return; // it left by itself, and its future is complete
    }
    owner.deliveries().deliver(() -> ((PermitFuture) future).settle(permit, refusal));
  }

  /** Whatever completes the future from outside is giving up: the place in line goes first. */
  private static final class PermitFuture extends CompletableFuture<Permit> {
    private final FutureWaiter waiter;

    PermitFuture(FutureWaiter waiter) {
      this.waiter = waiter;
    }

    void settle(@Nullable Permit permit, @Nullable Throwable refusal) {
      if (permit == null) {
        super.completeExceptionally(Objects.requireNonNull(refusal));
      } else if (!super.complete(permit)) {
        permit.close(); // completed past us, by obtrudeValue for instance
      }
    }

    private boolean giveUp() {
      return !isDone()
          && (waiter.owner.withdraw(waiter, Departure.CANCELLED, null) || !waiter.isGranted());
    }

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

    @Override
    public String toString() {
      String state = isDone() ? (isCompletedExceptionally() ? "failed" : "granted") : "waiting";
      return "acquireAsync[limiter=" + waiter.owner.name() + ", " + state + "]";
    }
  }
}
