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
    for (int i = 0; i < 50_000; i++) {
      tryOnce(semaphore); // compiles
    }
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
    int tries = waiters == 0 ? 100_000 : 2_000;
    long begin = System.nanoTime();
    for (int i = 0; i < tries; i++) {
      tryOnce(semaphore);
    }
    double nanos = (System.nanoTime() - begin) / (double) tries;
    semaphore.release(held);
    end.await();
    System.out.println(nanos);
  }

  private static void tryOnce(Contender semaphore) throws InterruptedException {
    if (semaphore.tryAcquire(1) != null) {
      throw new AssertionError("nobody gave a permit back");
    }
  }
}
