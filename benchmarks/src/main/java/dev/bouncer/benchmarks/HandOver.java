package dev.bouncer.benchmarks;

import dev.bouncer.benchmarks.SemaphoreContender.Contender;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * S2: 1,000 virtual threads share 5 permits and yield while they hold one: ns a pair, when all is
 * compiled. Before that, compiler threads share the processors and a pair takes twice as long.
 */
final class HandOver {
  /** Not a semaphore: {@link HandOverFloor}, to be measured between the others. */
  static final String FLOOR = "FLOOR";

  private static final int WARM_UPS = 6;
  private static final int MEASURED = 5;
  private static final int THREADS = 1_000;
  private static final int PERMITS = 5;
  private static final int PAIRS_A_THREAD = 400;

  private HandOver() {}

  /**
   * Prints nanoseconds a pair, the median of some rounds.
   *
   * @param args the contender or {@link #FLOOR}
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    double[] rounds = new double[WARM_UPS + MEASURED];
    for (int round = 0; round < rounds.length; round++) {
      rounds[round] =
          args[0].equals(FLOOR)
              ? HandOverFloor.nanosAPair()
              : nanosAPair(SemaphoreContender.valueOf(args[0]).create(PERMITS));
    }
    double[] measured = Arrays.copyOfRange(rounds, WARM_UPS, rounds.length);
    Arrays.sort(measured);
    System.out.println(measured[MEASURED / 2]);
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
