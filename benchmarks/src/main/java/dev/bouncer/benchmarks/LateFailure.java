package dev.bouncer.benchmarks;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Fail fast: the ninth task fails at once beside eight that take 10 s: when that is thrown. */
final class LateFailure {
  private static final int SIBLINGS = 8;
  private static final long SIBLING_MILLIS = 10_000;

  private LateFailure() {}

  /**
   * Prints the milliseconds from the failure to the exception; fails if a sibling runs then.
   *
   * @param args the contender
   */
  public static void main(String[] args) {
    StreamContender contender = StreamContender.valueOf(args[0]);
    double millis = 0;
    int runs = contender == StreamContender.BOUNCER ? 3 : 1; // the first ones load the classes
    for (int run = 0; run < runs; run++) {
      AtomicInteger running = new AtomicInteger();
      long[] failedAt = new long[1];
      List<Integer> inputs = IntStream.rangeClosed(0, SIBLINGS).boxed().toList();
      Stream<Integer> results =
          contender.map(inputs, SIBLINGS + 1, input -> work(input, running, failedAt));
      try {
        System.err.println("no failure: results=" + results.toList());
        System.exit(1);
      } catch (RuntimeException expected) {
        millis = (System.nanoTime() - failedAt[0]) / 1e6;
      }
      if (running.get() != 0) {
        System.err.println("siblings run still: running=" + running);
      }
    }
    System.out.println(millis);
    System.exit(0);
  }

  private static int work(int input, AtomicInteger running, long[] failedAt) {
    if (input == SIBLINGS) {
      while (running.get() < SIBLINGS) {
        Thread.onSpinWait();
      }
      failedAt[0] = System.nanoTime();
      throw new IllegalStateException("the ninth");
    }
    running.incrementAndGet();
    try {
      Thread.sleep(SIBLING_MILLIS);
    } catch (InterruptedException stopped) {
      throw new IllegalStateException(stopped);
    } finally {
      running.decrementAndGet();
    }
    return input;
  }
}
