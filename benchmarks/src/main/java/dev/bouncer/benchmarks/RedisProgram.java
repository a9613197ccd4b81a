package dev.bouncer.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.sync.RedisCommands;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * One measurement of a limit in Redis. Arguments: what, URI, clients, threads, limit, contender.
 *
 * <p>{@code pairs} prints pairs a second, the most pairs of a thread by the fewest, commands that
 * Redis ran for a pair, and microseconds of processor time a pair, of this JVM and Redis together.
 * {@code wake} prints the microseconds from giving back to having, in another client: the median
 * and the 99th percentile.
 */
public final class RedisProgram {
  private static final long WARM_UP = Duration.ofMillis(2_500).toNanos();
  private static final long MEASURED = Duration.ofMillis(1_500).toNanos();
  private static final int WAKE_UPS = 400;

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
      open.getLast().pair(() -> {}); // one after the other: first users at once wait for a grace
    }
    System.out.println(args[0].equals("wake") ? wake(open) : pairs(open, threads, uri));
    System.out.flush();
    Runtime.getRuntime().halt(0); // nothing of what remains is measured
  }

  /** What was counted until one moment. */
  private record Count(long nanos, List<Long> pairs, double commands, double cpuMicros) {
    static Count now(List<AtomicLong> pairs, RedisCommands<String, String> redis) {
      return new Count(
          System.nanoTime(),
          pairs.stream().map(AtomicLong::get).toList(),
          info(redis, "stats", "total_commands_processed"),
          cpuOfThisJvm()
              + 1e6 * (info(redis, "cpu", "used_cpu_user") + info(redis, "cpu", "used_cpu_sys")));
    }

    private static double info(RedisCommands<String, String> redis, String part, String field) {
      return redis
          .info(part)
          .lines()
          .filter(line -> line.startsWith(field + ":"))
          .mapToDouble(line -> Double.parseDouble(line.substring(field.length() + 1).strip()))
          .findFirst()
          .orElseThrow();
    }

    private static double cpuOfThisJvm() {
      return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime()
          / 1e3;
    }
  }

  private static String pairs(List<RedisContender> clients, int threads, String uri) {
    RedisCommands<String, String> redis = RedisClient.create(uri).connect().sync();
    List<AtomicLong> counts = startCallers(clients, threads, new AtomicBoolean());
    pass(WARM_UP);
    Count from = Count.now(counts, redis);
    pass(MEASURED);
    Count to = Count.now(counts, redis);
    long[] each = new long[threads];
    Arrays.setAll(each, t -> to.pairs().get(t) - from.pairs().get(t));
    Arrays.sort(each);
    double all = Arrays.stream(each).sum();
    return String.format(
        Locale.ROOT,
        "%f %f %f %f",
        all * 1e9 / (to.nanos() - from.nanos()),
        (double) each[threads - 1] / Math.max(1, each[0]),
        (to.commands() - from.commands()) / all,
        (to.cpuMicros() - from.cpuMicros()) / all);
  }

  /** Callers that take and give back until they are told to end; how often each of them did. */
  private static List<AtomicLong> startCallers(
      List<RedisContender> clients, int threads, AtomicBoolean ended) {
    List<AtomicLong> counts = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      RedisContender client = clients.get(t % clients.size());
      AtomicLong count = new AtomicLong();
      counts.add(count);
      Thread.ofVirtual()
          .start(() -> {
            while (!ended.get()) {
              try {
                client.pair(() -> {});
              } catch (Exception failed) {
                failed.printStackTrace();
                Runtime.getRuntime().halt(1);
              }
              count.setRelease(count.getPlain() + 1);
            }
          });
    }
    return counts;
  }

  private static void pass(long nanos) {
    long end = System.nanoTime() + nanos;
    for (long left = nanos; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private static String wake(List<RedisContender> clients) throws Exception {
    AtomicBoolean warm = new AtomicBoolean();
    startCallers(clients, 2 * clients.size(), warm);
    pass(WARM_UP);
    warm.set(true);
    pass(WARM_UP / 5); // they have ended
    List<Double> micros = new ArrayList<>();
    AtomicLong givenBackAt = new AtomicLong();
    for (int i = 0; i < WAKE_UPS; i++) {
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
        pass(3_000_000); // until it surely stands in line: not part of the figure
        givenBackAt.set(System.nanoTime());
      });
      waiting[0].join();
      micros.add((hadAt.get() - givenBackAt.get()) / 1e3);
    }
    List<Double> sorted = micros.stream().sorted().toList();
    return String.format(
        Locale.ROOT, "%f %f", sorted.get(WAKE_UPS / 2), sorted.get(WAKE_UPS * 99 / 100));
  }
}
