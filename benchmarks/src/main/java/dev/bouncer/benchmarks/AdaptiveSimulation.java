package dev.bouncer.benchmarks;

import dev.bouncer.Outcome;
import dev.bouncer.SimulatedTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * 200 clients who always want to call, and a service of 50 workers that loses half of them after 20
 * seconds, has them all at 40, none at 60, and all again at 65. Seeded and in virtual time: the
 * same figures on every machine.
 */
final class AdaptiveSimulation {
  static final int SECONDS = 90;
  static final int STEPS_A_SECOND = 10;
  private static final int CLIENTS = 200;
  private static final long STEP = 1_000_000_000L / STEPS_A_SECOND;
  private static final long PAUSE_AFTER_REFUSAL = 50_000_000;

  /** What the service has: how many of its 50 workers, from which second. */
  private static final int[][] WORKERS = {{0, 50}, {20, 25}, {40, 50}, {60, 0}, {65, 50}};

  /** How the service shows that it has enough. */
  enum Service {
    QUEUES(10_000, 20),
    REFUSES(0, 20),
    QUEUES_AND_IS_SLOW(10_000, 300),
    REFUSES_AND_IS_SLOW(0, 300);

    private final int longestQueue;
    private final int meanMillis;

    Service(int longestQueue, int meanMillis) {
      this.longestQueue = longestQueue;
      this.meanMillis = meanMillis;
    }

    /** Calls that one worker does in a second. */
    private double callsAWorker() {
      return 1e3 / meanMillis;
    }
  }

  private final SimulatedTime time = new SimulatedTime();
  private final Service kind;
  private final SimulatedService service;
  private final AdaptiveContender.Contender limiter;
  private final int[] limits = new int[SECONDS * STEPS_A_SECOND];
  private final int[] done = new int[limits.length];
  private final int[] refused = new int[limits.length];
  private final List<List<Long>> latencies = new ArrayList<>();

  /**
   * What came of one run.
   *
   * @param limits the limit, ten times a second
   * @param throughput work done of what could have been done, without the outage
   * @param p99Millis how long the service took for 99 of 100 calls, without the outage
   * @param refusals calls of 100 that were refused after the first five seconds, without the outage
   * @param healSeconds from the end of the outage until nine tenths of the capacity were used
   */
  record Run(
      List<Integer> limits,
      double throughput,
      double p99Millis,
      double refusals,
      double healSeconds) {}

  private AdaptiveSimulation(AdaptiveContender contender, Service kind, long seed) {
    Random random = new Random(seed);
    this.kind = kind;
    service = new SimulatedService(time, random, kind.longestQueue, kind.meanMillis);
    limiter = contender.create(time);
    for (int i = 0; i < limits.length; i++) {
      latencies.add(new ArrayList<>());
    }
  }

  static Run run(AdaptiveContender contender, Service kind, long seed) {
    return new AdaptiveSimulation(contender, kind, seed).run();
  }

  private Run run() {
    for (int[] change : WORKERS) {
      time.after(change[0] * 1_000_000_000L, () -> service.setWorkers(change[1]));
    }
    for (int client = 0; client < CLIENTS; client++) {
      time.after(client * 1_000L, this::call);
    }
    for (int step = 0; step < limits.length; step++) {
      time.runUntil((step + 1) * STEP - 1);
      limits[step] = limiter.limit();
    }
    return figures();
  }

  private void call() {
    limiter.acquire(this::callAdmitted);
  }

  private void callAdmitted(Consumer<Outcome> end) {
    long began = time.now();
    service.call(answered -> {
      int step = (int) Math.min(time.now() / STEP, limits.length - 1);
      if (answered) {
        done[step]++;
        latencies.get(step).add(time.now() - began);
      } else {
        refused[step]++;
      }
      time.after(answered ? 0 : PAUSE_AFTER_REFUSAL, this::call);
      end.accept(answered ? Outcome.SUCCESS : Outcome.DROPPED);
    });
  }

  /** What the limits are to be compared with, at the same steps. */
  static List<Integer> workers() {
    List<Integer> workers = new ArrayList<>();
    for (int step = 0; step < SECONDS * STEPS_A_SECOND; step++) {
      workers.add(workersAt(step));
    }
    return workers;
  }

  private static int workersAt(int step) {
    int workers = 0;
    for (int[] change : WORKERS) {
      workers = step >= change[0] * STEPS_A_SECOND ? change[1] : workers;
    }
    return workers;
  }

  private Run figures() {
    double possible = 0;
    double achieved = 0;
    long calls = 0;
    long refusals = 0;
    List<Long> all = new ArrayList<>();
    for (int step = 0; step < limits.length; step++) {
      if (workersAt(step) > 0) {
        possible += workersAt(step) * kind.callsAWorker() / STEPS_A_SECOND;
        achieved += done[step];
        all.addAll(latencies.get(step));
        if (step >= 5 * STEPS_A_SECOND) {
          calls += done[step] + refused[step];
          refusals += refused[step];
        }
      }
    }
    long[] sorted = all.stream().mapToLong(Long::longValue).toArray();
    Arrays.sort(sorted);
    return new Run(
        Arrays.stream(limits).boxed().toList(),
        achieved / possible,
        sorted[(int) (sorted.length * 0.99)] / 1e6,
        100.0 * refusals / calls,
        heal());
  }

  /** Half a second at nine tenths of the capacity. */
  private double heal() {
    int end = 65 * STEPS_A_SECOND;
    for (int step = end; step + 5 <= limits.length; step++) {
      int work = 0;
      for (int i = step; i < step + 5; i++) {
        work += done[i];
      }
      if (work >= 0.9 * 50 * kind.callsAWorker() * 5 / STEPS_A_SECOND) {
        return (step - end) / (double) STEPS_A_SECOND;
      }
    }
    return Double.POSITIVE_INFINITY;
  }
}
