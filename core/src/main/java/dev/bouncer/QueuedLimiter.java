package dev.bouncer;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A limiter with one line of waiters, blocking and asynchronous ones mixed: the calls of {@link
 * Limiter} over a {@link ServedLine}. Each first tries without the line; only who finds no room
 * goes there.
 */
abstract class QueuedLimiter extends ServedLine implements Limiter {
  QueuedLimiter(String name, int maxWaiting, WhenFull whenFull, Timing timing) {
    super(name, maxWaiting, whenFull, timing);
  }

  /** Makes a permit of units that were taken by {@link #take}. */
  abstract Permit permit(int weight);

  /** The permit belongs to a future, not to the calling thread. */
  Permit unbound(Permit permit) {
    return permit;
  }

  /** The calling thread stands in line and is about to park. */
  void willBlock() {}

  @Override
  public final Permit acquire() throws InterruptedException {
    return acquire(1);
  }

  @Override
  public final Permit acquire(int weight) throws InterruptedException {
    requireWeight(weight);
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    Permit free = tryTake(weight);
    if (free != null) {
      return free;
    }
    return Objects.requireNonNull(acquireInLine(weight, Long.MAX_VALUE));
  }

  /** Waits; null when the time was up. */
  private @Nullable Permit acquireInLine(int weight, long nanos) throws InterruptedException {
    PermitAcquireEvent event = FlightRecording.waitBegins();
    BlockedWaiter waiter = new BlockedWaiter(this, weight, coarseTime());
    String outcome = "refused";
    try {
      Entry entry = enter(waiter, nanos);
      if (entry == Entry.IN_LINE) {
        willBlock();
      }
      if (entry == Entry.HOPELESS || (entry == Entry.IN_LINE && !waiter.await(nanos))) {
        outcome = "timed out";
        return null;
      }
      outcome = "acquired";
      return permit(weight);
    } catch (InterruptedException interrupt) {
      outcome = "interrupted";
      throw interrupt;
    } finally {
      if (event != null) {
        event.emit(name(), weight, outcome, false);
      }
    }
  }

  @Override
  public final Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public final Optional<Permit> tryAcquire(int weight) {
    requireWeight(weight);
    Permit free = tryTake(weight);
    if (free != null) {
      return Optional.of(free);
    }
    return enterWithoutWaiting(weight) ? Optional.of(permit(weight)) : Optional.empty();
  }

  @Override
  public final Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public final Optional<Permit> tryAcquire(int weight, Duration timeout)
      throws InterruptedException {
    requireWeight(weight);
    long nanos = Timing.toNanos(Objects.requireNonNull(timeout, "timeout"));
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    Permit free = tryTake(weight);
    if (free != null) {
      return Optional.of(free);
    }
    if (nanos <= 0) {
      return tryAcquire(weight);
    }
    return Optional.ofNullable(acquireInLine(weight, nanos));
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync(int weight) {
    requireWeight(weight);
    Permit free = tryTake(weight);
    if (free != null) {
      return CompletableFuture.completedFuture(unbound(free));
    }
    return join(new Waiter(this, weight, coarseTime()), Long.MAX_VALUE);
  }

  @Override
  public final CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    requireWeight(weight);
    long nanos = Timing.toNanos(Objects.requireNonNull(timeout, "timeout"));
    Permit free = tryTake(weight);
    if (free != null) {
      return CompletableFuture.completedFuture(unbound(free));
    }
    if (nanos <= 0) {
      try {
        return tryAcquire(weight)
            .map(CompletableFuture::completedFuture)
            .orElseGet(() -> CompletableFuture.failedFuture(timeout(weight, timeout)));
      } catch (LimiterClosedException closed) {
        return CompletableFuture.failedFuture(closed);
      }
    }
    return join(new TimedWaiter(this, weight, coarseTime(), timeout, deadline(nanos)), nanos);
  }

  private CompletableFuture<Permit> join(Waiter waiter, long nanos) {
    int weight = waiter.weight();
    FlightRecording.waitBegins(waiter, name(), weight);
    try {
      return switch (enter(waiter, nanos)) {
        case IN_LINE -> waiter;
        case ADMITTED -> CompletableFuture.completedFuture(unbound(permit(weight)));
        case HOPELESS -> CompletableFuture.failedFuture(timeout(weight, Duration.ofNanos(nanos)));
      };
    } catch (LimiterClosedException | LimiterFullException refused) {
      return CompletableFuture.failedFuture(refused);
    }
  }

  static void requireWeight(int weight) {
    if (weight < 1) {
      throw new IllegalArgumentException("weight must be at least 1: weight=" + weight);
    }
  }

  static int requireMaxWaiting(int maxWaiting) {
    if (maxWaiting < 0) {
      throw new IllegalArgumentException(
          "maxWaiting must not be negative: maxWaiting=" + maxWaiting);
    }
    return maxWaiting;
  }

  static WhenFull requireLineRule(WhenFull whenFull) {
    if (Objects.requireNonNull(whenFull, "whenFull") == WhenFull.BLOCK) {
      throw new IllegalArgumentException(
          "whenFull must be REJECT or DROP_OLDEST for a limiter: whenFull=BLOCK");
    }
    return whenFull;
  }
}
