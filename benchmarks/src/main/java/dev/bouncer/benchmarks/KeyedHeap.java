package dev.bouncer.benchmarks;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.KeyedLimiter;
import dev.bouncer.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** L5: what a million keys of which 100 are busy cost, and what is left when they are evicted. */
final class KeyedHeap {
  private static final int KEYS = 1_000_000;
  private static final int BUSY = 100;

  private KeyedHeap() {}

  /**
   * Prints bytes a key.
   *
   * @param args {@code full} or {@code evicted}
   * @throws Exception if interrupted
   */
  public static void main(String[] args) throws Exception {
    boolean evicted = args[0].equals("evicted");
    KeyedLimiter<Integer> keyed =
        KeyedLimiter.<Integer>builder(_ -> AsyncSemaphore.of(5))
            .idleAfter(evicted ? Duration.ofSeconds(1) : Duration.ofHours(1))
            .build();
    List<Permit> held = new ArrayList<>();
    long before = used();
    for (int i = 0; i < KEYS; i++) {
      Permit permit = keyed.forKey(i).acquire();
      if (i % (KEYS / BUSY) == 0) {
        held.add(permit);
      } else {
        permit.close();
      }
    }
    while (evicted && keyed.keys() > BUSY) {
      Thread.sleep(100); // and the sweep also shrinks the table
    }
    System.err.println(keyed);
    double bytes = used() - before;
    held.forEach(Permit::close);
    System.out.println(Math.max(bytes, 0) / KEYS);
    keyed.close();
  }

  private static long used() {
    for (int i = 0; i < 4; i++) {
      System.gc();
    }
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
