package dev.bouncer.benchmarks;

import java.util.Iterator;
import java.util.stream.Stream;

/** M3: a task of 50 ms, and a second input that comes after 2 s: when its result is there. */
final class SlowSource {
  private static final long TASK_MILLIS = 50;
  private static final long NEXT_INPUT_MILLIS = 2_000;

  private SlowSource() {}

  /**
   * Prints the milliseconds from the first input to the first result.
   *
   * @param args the contender
   */
  public static void main(String[] args) {
    StreamContender contender = StreamContender.valueOf(args[0]);
    double millis = 0;
    for (int run = 0; run < 2; run++) { // the first one loads the classes
      long[] times = new long[2];
      Iterable<Integer> inputs = () -> new TwoInputs(times);
      try (Stream<Integer> results = contender.map(inputs, 2, SlowSource::work)) {
        results.forEach(_ -> times[1] = times[1] == 0 ? System.nanoTime() : times[1]);
      }
      millis = (times[1] - times[0]) / 1e6;
    }
    System.out.println(millis);
    System.exit(0);
  }

  private static int work(int input) {
    sleep(TASK_MILLIS);
    return input;
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException stopped) {
      throw new IllegalStateException(stopped);
    }
  }

  /** Gives one input at once and the other late. */
  private static final class TwoInputs implements Iterator<Integer> {
    private final long[] times;
    private int given;

    TwoInputs(long[] times) {
      this.times = times;
    }

    @Override
    public boolean hasNext() {
      return given < 2;
    }

    @Override
    @SuppressWarnings("IteratorNextThrowsNoSuchElementException") // never called without hasNext
    public Integer next() {
      if (given == 0) {
        times[0] = System.nanoTime();
      } else {
        sleep(NEXT_INPUT_MILLIS);
      }
      return given++;
    }
  }
}
