package dev.bouncer.benchmarks;

import dev.bouncer.benchmarks.SemaphoreContender.Contender;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** S2: 1,000 virtual threads share 5 permits and yield while they hold one: ns a pair. */
final class HandOver {
  private static final int THREADS = 1_000;
  private static final int PERMITS = 5;
  private static final int PAIRS_A_THREAD = 400;

  private HandOver() {}

  /**
   * Prints nanoseconds a pair.
   *
   * @param args the contender
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    SemaphoreContender contender = SemaphoreContender.valueOf(args[0]);
    for (int warmUp = 0; warmUp < 2; warmUp++) {
      var _ = nanosAPair(contender.create(PERMITS));
    }
    System.out.println(nanosAPair(contender.create(PERMITS)));
  }

  @SuppressWarnings("ThreadPriorityCheck") // the yield inside is the question
  private static double nanosAPair(Contender semaphore) throws InterruptedException {
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try {
              start.await();
              for (int pair = 0; pair < PAIRS_A_THREAD; pair++) {
                Object permit = semaphore.acquire();
                Thread.yield();
                semaphore.release(permit);
              }
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
          }));
    }
    long begin = System.nanoTime();
    start.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    return (System.nanoTime() - begin) / (double) (THREADS * PAIRS_A_THREAD);
  }
}
