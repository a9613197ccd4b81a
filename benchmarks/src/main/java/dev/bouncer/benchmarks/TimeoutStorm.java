package dev.bouncer.benchmarks;

import dev.bouncer.benchmarks.SemaphoreContender.Contender;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** S3: so many virtual threads time out together: milliseconds until the last one is back. */
final class TimeoutStorm {
  private TimeoutStorm() {}

  /**
   * Prints by how many milliseconds the last thread returned after its deadline.
   *
   * @param args the number of threads, and the contender
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    int threads = Integer.parseInt(args[0]);
    SemaphoreContender contender = SemaphoreContender.valueOf(args[1]);
    var _ = lateMillis(contender.create(1), 2_000); // warms up
    System.out.println(lateMillis(contender.create(1), threads));
  }

  private static double lateMillis(Contender semaphore, int count) throws InterruptedException {
    Object held = semaphore.acquire();
    AtomicLong latest = new AtomicLong();
    long deadline = System.nanoTime() + 3_000_000_000L; // all are in line long before
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      threads.add(
          Thread.startVirtualThread(() -> {
            try {
              Object permit = semaphore.tryAcquire(deadline - System.nanoTime());
              if (permit != null) {
                throw new AssertionError("nobody gave a permit back");
              }
              latest.accumulateAndGet(System.nanoTime() - deadline, Math::max);
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
          }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    semaphore.release(held);
    return latest.get() / 1e6;
  }
}
