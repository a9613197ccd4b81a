package dev.bouncer;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** A limiter that somebody else wrote: what it does is a semaphore's, how is up to a subclass. */
class LimiterFromElsewhere implements Limiter {
  final AsyncSemaphore inside;

  LimiterFromElsewhere(int limit) {
    inside = AsyncSemaphore.builder(limit).name("elsewhere").build();
  }

  @Override
  public String name() {
    return inside.name();
  }

  @Override
  public Permit acquire() throws InterruptedException {
    return acquire(1);
  }

  @Override
  public Permit acquire(int weight) throws InterruptedException {
    return inside.acquire(weight);
  }

  @Override
  public Optional<Permit> tryAcquire() {
    return tryAcquire(1);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight) {
    return inside.tryAcquire(weight);
  }

  @Override
  public Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException {
    return tryAcquire(1, timeout);
  }

  @Override
  public Optional<Permit> tryAcquire(int weight, Duration timeout) throws InterruptedException {
    return inside.tryAcquire(weight, timeout);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync() {
    return acquireAsync(1);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight) {
    return inside.acquireAsync(weight);
  }

  @Override
  public CompletableFuture<Permit> acquireAsync(int weight, Duration timeout) {
    return inside.acquireAsync(weight, timeout);
  }

  @Override
  public LimiterStats stats() {
    return inside.stats();
  }

  @Override
  public void close() {
    inside.close();
  }
}
