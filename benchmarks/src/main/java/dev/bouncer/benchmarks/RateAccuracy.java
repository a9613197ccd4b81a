package dev.bouncer.benchmarks;

import dev.bouncer.RateLimiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** L3: how far from the rate the long run is, with so many threads that somebody always waits. */
final class RateAccuracy {
  private static final int RATE = 1_000;
  private static final int SECONDS = 15;
  private static final int THREADS = 100;

  private RateAccuracy() {}

  /**
   * Prints the error in percent.
   *
   * @param args the contender: there is one
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    RateLimiter limiter = RateLimiter.of(RATE, Duration.ofSeconds(1));
    AtomicLong left = new AtomicLong((long) RATE * SECONDS);
    List<Thread> threads = new ArrayList<>();
    limiter.acquire().close();
    long began = System.nanoTime();
    for (int i = 0; i < THREADS; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try {
              while (left.getAndDecrement() > 0) {
                limiter.acquire().close();
              }
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
          }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    System.out.println(100 * Math.abs(seconds / SECONDS - 1));
  }
}
