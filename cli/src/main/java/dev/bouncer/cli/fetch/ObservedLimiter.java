package dev.bouncer.cli.fetch;

import dev.bouncer.Limiter;
import dev.bouncer.LimiterStats;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * A limiter like another one, with somebody who is told of each permit that is handed out, and who
 * gives it back when its work has ended, at once or later.
 */
final class ObservedLimiter implements Limiter {
  /** Gives a permit back, with what the limiter is to learn; is told how the work ended. */
  interface Return {
    void of(Permit permit, Outcome outcome);
  }

  private final Limiter limiter;
  private final Supplier<Return> observer;

  /**
   * Observes a limiter.
   *
   * @param observer is asked whenever a permit is handed out; what it returns is called once
   */
  ObservedLimiter(Limiter limiter, Supplier<Return> observer) {
    this.limiter = limiter;
    this.observer = observer;
  }

  private Permit observed(Permit permit) {
    return new ObservedPermit(permit, observer.get());
  }

  @Override
  public String name() {
    return limiter.name();
  }

  @Override
  public Permit acquire() throws InterruptedException {
    return acquire(1);
  }

  @Override
  public Permit acquire(int weight) throws InterruptedException {
    return observed(limiter.acquire(weight));
  }

  @Override
  public Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight) {
    return limiter.tryAcquire(weight).map(this::observed);
  }

  @Override
  public Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight, Duration timeout) throws InterruptedException {
    return limiter.tryAcquire(weight, timeout).map(this::observed);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight) {
    return new Request(limiter.acquireAsync(weight));
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    return new Request(limiter.acquireAsync(weight, timeout));
  }

  @Override
  public LimiterStats stats() {
    return limiter.stats();
  }

  @Override
  public void close() {
    limiter.close();
  }

  @Override
  public String toString() {
    return limiter.toString();
  }

  /** Whoever completes it otherwise has given up: the request underneath is withdrawn. */
  private final class Request extends CompletableFuture<Permit> {
    Request(CompletableFuture<Permit> request) {
      var _ =
          request.whenComplete((permit, failure) -> {
            if (permit == null) {
              completeExceptionally(Objects.requireNonNull(failure));
              return;
            }
            Permit observed = observed(permit);
            if (!complete(observed)) {
              observed.close(Outcome.UNUSED);
            }
          });
      var _ = whenComplete((_, _) -> request.cancel(false));
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new CompletableFuture<>();
    }
  }

  private static final class ObservedPermit implements Permit {
    private final Permit permit;
    private final Return whenEnded;
    private final AtomicBoolean closed = new AtomicBoolean();

    ObservedPermit(Permit permit, Return whenEnded) {
      this.permit = permit;
      this.whenEnded = whenEnded;
    }

    @Override
    public int weight() {
      return permit.weight();
    }

    @Override
    public void close() {
      close(Outcome.SUCCESS);
    }

    @Override
    public void close(Outcome outcome) {
      Objects.requireNonNull(outcome, "outcome");
      if (closed.compareAndSet(false, true)) {
        whenEnded.of(permit, outcome);
      }
    }
  }
}
