package dev.bouncer.benchmarks;

import dev.bouncer.benchmarks.SemaphoreContender.Contender;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** S4: what one timeout costs behind so many waiters: nanoseconds. */
final class TimeoutBehindAQueue {
  private TimeoutBehindAQueue() {}

  /**
   * Prints the nanoseconds of one acquire that times out after a nanosecond.
   *
   * @param args the number of waiters in line, and the contender
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    int waiters = Integer.parseInt(args[0]);
    Contender semaphore = SemaphoreContender.valueOf(args[1]).create(1);
    Object held = semaphore.acquire();
    AtomicInteger started = new AtomicInteger();
    CountDownLatch end = new CountDownLatch(waiters);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < waiters; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try {
              started.incrementAndGet();
              semaphore.release(semaphore.acquire());
              end.countDown();
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
          }));
    }
    for (Thread thread : threads) {
      while (thread.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
    }
    var _ = nanosATry(semaphore); // compiles, behind this very queue
    double nanos = nanosATry(semaphore);
    semaphore.release(held);
    end.await();
    System.out.println(nanos);
  }

  /** The mean of up to 50,000 tries, or of as many as fit into two seconds. */
  private static double nanosATry(Contender semaphore) throws InterruptedException {
    long begin = System.nanoTime();
    int tries = 0;
    while (tries < 50_000 && System.nanoTime() - begin < 2_000_000_000L) {
      tryOnce(semaphore);
      tries++;
    }
    return (System.nanoTime() - begin) / (double) tries;
  }

  private static void tryOnce(Contender semaphore) throws InterruptedException {
    if (semaphore.tryAcquire(1) != null) {
      throw new AssertionError("nobody gave a permit back");
    }
  }
}
