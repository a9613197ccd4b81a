package dev.bouncer.http;

import dev.bouncer.Limiter;
import dev.bouncer.LimiterStats;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** A limiter that remembers how its permits were given back. Only what the client uses. */
final class OutcomeRecorder implements Limiter {
  private final Limiter limiter;
  private final ConcurrentLinkedQueue<Outcome> outcomes = new ConcurrentLinkedQueue<>();

  private final AtomicInteger granted = new AtomicInteger();
  private final AtomicInteger closings = new AtomicInteger();

  OutcomeRecorder(Limiter limiter) {
    this.limiter = limiter;
  }

  /** How many permits were handed out. */
  int granted() {
    return granted.get();
  }

  /** How often permits were given back; one that is given back twice counts twice. */
  int closings() {
    return closings.get();
  }

  List<Outcome> outcomes() {
    return List.copyOf(outcomes);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync() {
    CompletableFuture<Permit> request = limiter.acquireAsync();
    CompletableFuture<Permit> recorded =
        new CompletableFuture<>() {
          @Override
          public boolean cancel(boolean mayInterruptIfRunning) {
            return request.cancel(mayInterruptIfRunning) && super.cancel(mayInterruptIfRunning);
          }
        };
    request.whenComplete((permit, failure) -> {
      if (permit != null) {
        granted.incrementAndGet();
        recorded.complete(new Recorded(permit));
      } else {
        recorded.completeExceptionally(failure);
      }
    });
    return recorded;
  }

  private final class Recorded implements Permit {
    private final Permit permit;
    private final AtomicBoolean closed = new AtomicBoolean();

    Recorded(Permit permit) {
      this.permit = permit;
    }

    @Override
    public int weight() {
      return permit.weight();
    }

    @Override
    public void close() {
      throw new AssertionError("an outcome is expected");
    }

    @Override
    public void close(Outcome outcome) {
      closings.incrementAndGet();
      if (closed.compareAndSet(false, true)) {
        outcomes.add(outcome);
      }
      permit.close(outcome);
    }
  }

  @Override
  public String name() {
    return limiter.name();
  }

  @Override
  public Permit acquire() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Permit acquire(int weight) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<Permit> tryAcquire() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<Permit> tryAcquire(int weight) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<Permit> tryAcquire(Duration timeout) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<Permit> tryAcquire(int weight, Duration timeout) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight) {
    throw new UnsupportedOperationException();
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    throw new UnsupportedOperationException();
  }

  @Override
  public LimiterStats stats() {
    return limiter.stats();
  }

  @Override
  public void close() {
    limiter.close();
  }
}
