package dev.bouncer.benchmarks;

import dev.bouncer.AsyncSemaphore;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

/** S5: heap of one queued asynchronous waiter. */
final class WaiterHeap {
  private static final int WAITERS = 1_000_000;

  private WaiterHeap() {}

  /**
   * Prints bytes a waiter, without the array that the program itself keeps them in.
   *
   * @param args ignored
   */
  public static void main(String[] args) {
    AsyncSemaphore semaphore = AsyncSemaphore.of(0);
    CompletableFuture<?>[] futures = new CompletableFuture<?>[WAITERS];
    long before = liveBytes();
    Arrays.setAll(futures, _ -> semaphore.acquireAsync());
    long after = liveBytes();
    System.out.println((after - before) / (double) WAITERS);
    if (semaphore.waiting() != WAITERS || futures[0].isDone()) {
      throw new AssertionError("the waiters must still wait");
    }
  }

  private static long liveBytes() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    var runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
