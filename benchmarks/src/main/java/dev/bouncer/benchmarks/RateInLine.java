package dev.bouncer.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * L2: 1,000 virtual threads acquire in a loop from a rate of 100,000 a second. All that keep the
 * rate take the same time; what differs is the processor time that waiting costs.
 */
final class RateInLine {
  private static final int THREADS = 1_000;
  private static final int RATE = 100_000;
  private static final int ACQUIRES_A_THREAD = 150;

  /** So many, until the compiler, whose time counts too, has little left to do. */
  private static final int WARM_UP_ROUNDS = 6;

  private static final int ROUNDS = 4;

  private RateInLine() {}

  /**
   * Prints nanoseconds of processor time an acquire.
   *
   * @param args the contender
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    RateContender contender = RateContender.valueOf(args[0]);
    for (int round = 0; round < WARM_UP_ROUNDS; round++) {
      var _ = cpuNanosAnAcquire(contender.create(RATE));
    }
    double sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
      sum += cpuNanosAnAcquire(contender.create(RATE));
    }
    System.out.println(sum / ROUNDS);
  }

  private static double cpuNanosAnAcquire(RateContender.Contender limiter)
      throws InterruptedException {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try {
              start.await();
              for (int acquire = 0; acquire < ACQUIRES_A_THREAD; acquire++) {
                limiter.acquire();
              }
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
          }));
    }
    long began = System.nanoTime();
    long cpu = system.getProcessCpuTime();
    start.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    double cpuNanos = system.getProcessCpuTime() - cpu;
    double acquires = (double) THREADS * ACQUIRES_A_THREAD;
    System.err.printf("%.0f acquires a second%n", acquires * 1e9 / (System.nanoTime() - began));
    return cpuNanos / acquires;
  }
}
