package dev.bouncer.benchmarks;

import dev.bouncer.RateLimiter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** L3: how far from the rate the long run is, with so many threads that somebody always waits. */
final class RateAccuracy {
  private static final long RATE = 1_000;
  private static final int SECONDS = 15;
  private static final int THREADS = 100;

  /** Until everybody stands in line. */
  private static final long WARM_UP = 1_000;

  private RateAccuracy() {}

  /**
   * Prints the error in percent.
   *
   * @param args the contender: there is one
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    RateLimiter limiter = RateLimiter.of((int) RATE, Duration.ofSeconds(1));
    AtomicLong acquired = new AtomicLong();
    AtomicLong began = new AtomicLong();
    AtomicLong ended = new AtomicLong();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try {
              for (long n = 0; n < WARM_UP + RATE * SECONDS; ) {
                limiter.acquire().close();
                n = acquired.incrementAndGet();
                if (n == WARM_UP) {
                  began.set(System.nanoTime());
                } else if (n == WARM_UP + RATE * SECONDS) {
                  ended.set(System.nanoTime());
                }
              }
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
          }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    double seconds = (ended.get() - began.get()) / 1e9;
    System.out.println(100 * Math.abs(seconds / SECONDS - 1));
  }
}
