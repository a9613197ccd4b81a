package dev.bouncer.benchmarks;

import com.pivovarit.collectors.ParallelCollectors;
import dev.bouncer.ThreadPool;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Gatherers;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** M1: 100,000 tiny tasks, 64 at once, results in order: ns a task. */
final class TinyTasks {
  private static final int TASKS = 100_000;
  private static final int AT_ONCE = 64;
  private static final int WARM_UPS = 80;
  private static final int RUNS = 21;

  private TinyTasks() {}

  /** Who maps. */
  enum Contender {
    BOUNCER {
      @Override
      long sum(List<Integer> inputs) {
        try (var pool = ThreadPool.of(AT_ONCE)) {
          return ordered(pool.map(inputs, TinyTasks::work));
        }
      }
    },
    FIXED_POOL_VIRTUAL {
      @Override
      long sum(List<Integer> inputs) throws Exception {
        return futures(Executors.newFixedThreadPool(AT_ONCE, Thread.ofVirtual().factory()), inputs);
      }
    },
    FIXED_POOL_PLATFORM {
      @Override
      long sum(List<Integer> inputs) throws Exception {
        return futures(Executors.newFixedThreadPool(AT_ONCE), inputs);
      }
    },
    MAP_CONCURRENT {
      @Override
      long sum(List<Integer> inputs) {
        return ordered(inputs.stream().gather(Gatherers.mapConcurrent(AT_ONCE, TinyTasks::work)));
      }
    },
    PARALLEL_COLLECTORS {
      @Override
      long sum(List<Integer> inputs) {
        return ordered(
            inputs.stream()
                .collect(ParallelCollectors.parallelToOrderedStream(TinyTasks::work, AT_ONCE)));
      }
    },
    REACTOR {
      @Override
      long sum(List<Integer> inputs) {
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        var scheduler = Schedulers.fromExecutorService(threads);
        try {
          return ordered(
              Flux.fromIterable(inputs)
                  .flatMapSequential(
                      input -> Mono.fromCallable(() -> work(input)).subscribeOn(scheduler), AT_ONCE)
                  .toStream());
        } finally {
          scheduler.dispose();
          threads.close();
        }
      }
    };

    abstract long sum(List<Integer> inputs) throws Exception;
  }

  private static int work(int input) {
    return input + 1;
  }

  private static long ordered(Stream<Integer> results) {
    long[] sum = {0};
    int[] expected = {1};
    results.forEach(result -> {
      if (result != expected[0]++) {
        throw new IllegalStateException("out of order: result=" + result);
      }
      sum[0] += result;
    });
    return sum[0];
  }

  private static long futures(ExecutorService executor, List<Integer> inputs) throws Exception {
    try (executor) {
      List<Future<Integer>> futures = new ArrayList<>(inputs.size());
      for (Integer input : inputs) {
        futures.add(executor.submit(() -> work(input)));
      }
      long sum = 0;
      for (Future<Integer> future : futures) {
        sum += future.get();
      }
      return sum;
    }
  }

  /**
   * Prints nanoseconds a task.
   *
   * @param args the contender
   * @throws Exception if it failed
   */
  public static void main(String[] args) throws Exception {
    Contender contender = Contender.valueOf(args[0]);
    List<Integer> inputs = IntStream.range(0, TASKS).boxed().toList();
    long expected = TASKS * (TASKS + 1L) / 2;
    double[] nanos = new double[RUNS];
    for (int run = -WARM_UPS; run < RUNS; run++) {
      long start = System.nanoTime();
      long sum = contender.sum(inputs);
      if (run >= 0) {
        nanos[run] = (System.nanoTime() - start) / (double) TASKS;
      }
      if (sum != expected) {
        throw new IllegalStateException("wrong sum: sum=" + sum + " expected=" + expected);
      }
    }
    java.util.Arrays.sort(nanos);
    System.out.println(nanos[RUNS / 2]);
  }
}
