package dev.bouncer.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * One measurement of a limit in Redis. Arguments: what, URI, clients, threads, limit, contender.
 * {@code rate} prints pairs a second, {@code fairness} the most pairs of a thread by the fewest,
 * {@code wake} the median microseconds from giving back to having, in another client.
 */
public final class RedisProgram {
  private static final long WARM_UP = Duration.ofSeconds(1).toNanos();
  private static final long MEASURED = Duration.ofSeconds(1).toNanos();

  private RedisProgram() {}

  /**
   * Measures.
   *
   * @param args see the class
   * @throws Exception if Redis failed
   */
  public static void main(String[] args) throws Exception {
    String uri = args[1];
    int clients = Integer.parseInt(args[2]);
    int threads = Integer.parseInt(args[3]);
    int limit = Integer.parseInt(args[4]);
    String contender = args[5];
    String name = "bench-" + ProcessHandle.current().pid();
    List<RedisContender> open = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      open.add(RedisContender.open(contender, uri, name, limit));
      if (i == 0) {
        open.getFirst().pair(() -> {}); // several first users at once would wait for a grace
      }
    }
    System.out.println(
        args[0].equals("wake") ? wake(open) : pairs(open, threads, args[0].equals("fairness")));
    System.out.flush();
    Runtime.getRuntime().halt(0); // nothing of what remains is measured
  }

  private static double pairs(List<RedisContender> clients, int threads, boolean fairness)
      throws InterruptedException {
    long[][] counts = new long[threads][1];
    long start = System.nanoTime();
    List<Thread> all = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      RedisContender client = clients.get(t % clients.size());
      long[] count = counts[t];
      all.add(
          Thread.ofVirtual()
              .start(() -> {
                for (long now = 0; now < WARM_UP + MEASURED; now = System.nanoTime() - start) {
                  try {
                    client.pair(() -> {});
                  } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                  }
                  if (now > WARM_UP) {
                    count[0]++;
                  }
                }
              }));
    }
    for (Thread thread : all) {
      thread.join();
    }
    long[] sorted = Arrays.stream(counts).mapToLong(count -> count[0]).sorted().toArray();
    return fairness
        ? (double) sorted[threads - 1] / Math.max(1, sorted[0])
        : Arrays.stream(sorted).sum() * 1e9 / MEASURED;
  }

  private static double wake(List<RedisContender> clients) throws Exception {
    int samples = 400;
    List<Double> micros = new ArrayList<>();
    AtomicLong givenBackAt = new AtomicLong();
    for (int i = 0; i < samples; i++) {
      RedisContender holder = clients.get(i % 2);
      RedisContender waiter = clients.get((i + 1) % 2);
      AtomicLong hadAt = new AtomicLong();
      Thread[] waiting = new Thread[1];
      holder.pair(() -> {
        waiting[0] =
            Thread.ofPlatform()
                .start(() -> {
                  try {
                    waiter.pair(() -> hadAt.set(System.nanoTime()));
                  } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                  }
                });
        LockSupport.parkNanos(3_000_000); // until it surely stands in line: not part of the figure
        givenBackAt.set(System.nanoTime());
      });
      waiting[0].join();
      micros.add((hadAt.get() - givenBackAt.get()) / 1e3);
    }
    return micros.stream().sorted().toList().get(samples / 2);
  }
}
