package dev.bouncer.http;

import java.io.IOException;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The calls of a client that have not ended, their bodies included. After a shutdown none is added,
 * and with the last one the client underneath is shut down. Thread-safe.
 */
final class OpenCalls {
  private final HttpClient client;
  private final Set<LimitedCall<?>> calls = ConcurrentHashMap.newKeySet();
  private final CountDownLatch none = new CountDownLatch(1);
  private volatile boolean shutdown;

  OpenCalls(HttpClient client) {
    this.client = client;
  }

  /** Returns whether the call may start. */
  boolean add(LimitedCall<?> call) {
    calls.add(call);
    if (shutdown) {
      remove(call); // shutdown() may have seen it, and waits for the last one
      return false;
    }
    return true;
  }

  void remove(LimitedCall<?> call) {
    calls.remove(call);
    endIfShutDown();
  }

  private void endIfShutDown() {
    if (shutdown && calls.isEmpty()) {
      client.shutdown();
      none.countDown();
    }
  }

  /** Lets the calls that are here run to their end. */
  void shutdown() {
    shutdown = true;
    endIfShutDown();
  }

  /** Cancels the calls that are here, together with their bodies. */
  void shutdownNow() {
    shutdown = true;
    for (LimitedCall<?> call : calls) {
      call.stop(new IOException("body was cut off: the client was shut down"));
    }
    client.shutdownNow();
    endIfShutDown();
  }

  boolean isTerminated() {
    return none.getCount() == 0 && client.isTerminated();
  }

  /** Waits for the last call and for the client underneath; returns whether both have ended. */
  boolean awaitTermination(Duration duration) throws InterruptedException {
    long nanos = Timer.toNanos(Objects.requireNonNull(duration, "duration"));
    long start = System.nanoTime();
    if (!none.await(nanos, TimeUnit.NANOSECONDS)) {
      return false;
    }
    return client.awaitTermination(Duration.ofNanos(nanos - (System.nanoTime() - start)));
  }

  int size() {
    return calls.size();
  }
}
