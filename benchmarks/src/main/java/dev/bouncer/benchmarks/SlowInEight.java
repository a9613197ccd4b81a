package dev.bouncer.benchmarks;

import dev.bouncer.ThreadPool;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** M2: one slow task in eight, 8 at once, results in order: how many ran on average. */
final class SlowInEight {
  private static final int TASKS = 512;
  private static final int AT_ONCE = 8;
  private static final int BUFFER = 64;
  private static final long SLOW_MILLIS = 100;
  private static final long QUICK_MILLIS = 1;

  private SlowInEight() {}

  /**
   * Prints the time that the tasks took together, divided by the time that it all took.
   *
   * @param args the contender
   */
  public static void main(String[] args) {
    double mean = 0;
    for (int run = 0; run < 2; run++) { // the first one loads the classes
      mean = meanRunning(args[0]);
    }
    System.out.println(mean);
  }

  private static double meanRunning(String contender) {
    List<Integer> inputs = IntStream.range(0, TASKS).boxed().toList();
    AtomicLong busy = new AtomicLong();
    long start = System.nanoTime();
    long results;
    if (contender.equals("BOUNCER")) {
      try (var pool = ThreadPool.of(AT_ONCE);
          Stream<Integer> mapped =
              pool.<Integer, Integer>mapping(input -> work(input, busy))
                  .buffer(BUFFER)
                  .over(inputs)) {
        results = mapped.toList().size();
      }
    } else {
      try (Stream<Integer> mapped =
          StreamContender.valueOf(contender).map(inputs, AT_ONCE, input -> work(input, busy))) {
        results = mapped.toList().size();
      }
    }
    double elapsed = System.nanoTime() - start;
    if (results != TASKS) {
      throw new IllegalStateException("results are missing: results=" + results);
    }
    return busy.get() / elapsed;
  }

  private static int work(int input, AtomicLong busy) {
    long start = System.nanoTime();
    try {
      Thread.sleep(input % AT_ONCE == 0 ? SLOW_MILLIS : QUICK_MILLIS);
    } catch (InterruptedException stopped) {
      throw new IllegalStateException(stopped);
    }
    busy.addAndGet(System.nanoTime() - start);
    return input;
  }
}
