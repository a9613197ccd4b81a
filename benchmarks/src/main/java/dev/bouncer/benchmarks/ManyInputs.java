package dev.bouncer.benchmarks;

import java.lang.management.ManagementFactory;
import java.util.Iterator;
import java.util.stream.Stream;

/** M4: millions of inputs: the most live heap, or the time of the second half by the first. */
final class ManyInputs {
  private static final int LOOKS = 10;
  private static final double MEBI = 1 << 20;

  private ManyInputs() {}

  /**
   * Prints the most live heap in MiB that ten looks saw, or the ratio of the times of the halves.
   *
   * @param args "heap" or "time", how many inputs, the contender
   */
  public static void main(String[] args) {
    boolean heap = args[0].equals("heap");
    int inputs = Integer.parseInt(args[1]);
    double[] most = {0};
    long[] seen = {0};
    long[] halfway = {0};
    long start = System.nanoTime();
    try (Stream<Integer> results =
        StreamContender.valueOf(args[2]).map(() -> new Naturals(inputs), 8, input -> input)) {
      results.forEach(_ -> {
        seen[0]++;
        if (heap && seen[0] % (inputs / LOOKS) == 0) {
          most[0] = Math.max(most[0], liveMebibytes());
        }
        if (seen[0] == inputs / 2) {
          halfway[0] = System.nanoTime();
        }
      });
    }
    double ratio = (System.nanoTime() - halfway[0]) / (double) (halfway[0] - start);
    System.out.println(heap ? most[0] : ratio);
    System.exit(0);
  }

  private static double liveMebibytes() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / MEBI;
  }

  /** Numbers from zero. */
  private static final class Naturals implements Iterator<Integer> {
    private final int count;
    private int next;

    Naturals(int count) {
      this.count = count;
    }

    @Override
    public boolean hasNext() {
      return next < count;
    }

    @Override
    @SuppressWarnings("IteratorNextThrowsNoSuchElementException") // never called without hasNext
    public Integer next() {
      return next++;
    }
  }
}
