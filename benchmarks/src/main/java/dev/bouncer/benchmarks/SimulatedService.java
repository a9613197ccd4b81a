package dev.bouncer.benchmarks;

import dev.bouncer.SimulatedTime;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import java.util.function.Consumer;

/** A service with workers, a queue and bad days, in virtual time. */
final class SimulatedService {
  private static final long REFUSAL_NANOS = 1_000_000;

  private final SimulatedTime time;
  private final Random random;
  private final int longestQueue;
  private final int meanMillis;
  private final Deque<Runnable> queue = new ArrayDeque<>();
  private int workers;
  private int busy;

  SimulatedService(SimulatedTime time, Random random, int longestQueue, int meanMillis) {
    this.meanMillis = meanMillis;
    this.time = time;
    this.random = random;
    this.longestQueue = longestQueue;
  }

  /** Zero workers are an outage: everything is refused, and what waits is too late. */
  void setWorkers(int workers) {
    this.workers = workers;
    while (busy < workers && !queue.isEmpty()) {
      queue.remove().run();
    }
  }

  /** Answers true when the work is done, or false soon when it is refused. */
  void call(Consumer<Boolean> answer) {
    if (busy < workers) {
      begin(answer);
    } else if (workers > 0 && queue.size() < longestQueue) {
      queue.add(() -> begin(answer));
    } else {
      time.after(REFUSAL_NANOS, () -> answer.accept(false));
    }
  }

  /** Work takes half of the mean at least, and an exponential time beyond that. */
  private void begin(Consumer<Boolean> answer) {
    busy++;
    double exponential = -Math.log(1 - random.nextDouble());
    long nanos = (long) (meanMillis * 1e6 * (0.5 + 0.5 * exponential));
    time.after(
        nanos,
        () -> {
          busy--;
          if (busy < workers && !queue.isEmpty()) {
            queue.remove().run();
          }
          answer.accept(true);
        });
  }
}
