package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real threads, everything at once. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class PoolStressTest {
  private static final int MOST_WORKERS = 6;
  private static final List<WhenFull> WHEN_FULL =
      List.of(WhenFull.REJECT, WhenFull.DROP_OLDEST, WhenFull.BLOCK);

  @Test
  void pool_submitCancelResizeClose_together() throws Exception {
    for (int round = 0; round < 20; round++) {
      stressPool(round, 1_000);
    }
  }

  @Test
  @Tag("deep")
  void pool_submitCancelResizeClose_togetherForLong() throws Exception {
    for (int round = 0; round < 200; round++) {
      stressPool(round, 3_000);
    }
  }

  private static void stressPool(int seed, int tasks) throws Exception {
    var random = new Random(seed);
    var limiter = random.nextBoolean() ? AsyncSemaphore.of(MOST_WORKERS) : null;
    var builder = ThreadPool.builder().maxWorkers(3);
    if (limiter != null) {
      builder.limiter(limiter);
    }
    if (random.nextBoolean()) {
      builder.platformThreads();
    }
    if (random.nextBoolean()) {
      builder.maxQueued(10).whenFull(WHEN_FULL.get(random.nextInt(3)));
    }
    var pool = builder.build();
    var running = new AtomicInteger();
    var most = new AtomicInteger();
    var runs = new AtomicInteger();
    List<List<CompletableFuture<?>>> accepted = new ArrayList<>();
    List<Thread> submitters = new ArrayList<>();
    for (int s = 0; s < 3; s++) {
      List<CompletableFuture<?>> mine = new ArrayList<>();
      accepted.add(mine);
      int submitterSeed = random.nextInt();
      submitters.add(
          Thread.ofPlatform()
              .start(() -> {
                var dice = new Random(submitterSeed);
                for (int i = 0; i < tasks; i++) {
                  try {
                    mine.add(pool.submit(() -> work(dice.nextInt(4), running, most, runs)));
                  } catch (RejectedExecutionException full) {
                    continue;
                  }
                  if (dice.nextInt(3) == 0) {
                    giveUp(mine.get(dice.nextInt(mine.size())), dice);
                  }
                  if (dice.nextInt(50) == 0) {
                    pool.setMaxWorkers(1 + dice.nextInt(MOST_WORKERS));
                  }
                }
              }));
    }
    for (Thread submitter : submitters) {
      submitter.join();
    }
    if (random.nextBoolean()) {
      pool.shutdownNow();
    }
    pool.close();
    assertEquals(0, running.get());
    assertTrue(most.get() <= MOST_WORKERS, "most: " + most);
    int futures = 0;
    for (List<CompletableFuture<?>> mine : accepted) {
      for (CompletableFuture<?> future : mine) {
        futures++;
        assertTrue(future.isDone(), future::toString);
      }
    }
    PoolStats stats = pool.stats();
    assertEquals(futures, stats.submitted());
    assertTrue(runs.get() <= futures);
    assertTrue(runs.get() >= stats.completed(), stats::toString);
    assertEquals(0, stats.running() + stats.queued(), stats::toString);
    if (limiter != null) {
      assertEquals(0, limiter.inUse());
      assertEquals(0, limiter.waiting());
    }
  }

  private static String work(
      int kind, AtomicInteger running, AtomicInteger most, AtomicInteger runs) {
    runs.incrementAndGet();
    most.accumulateAndGet(running.incrementAndGet(), Math::max);
    try {
      switch (kind) {
        case 0 -> throw new IllegalStateException("no");
        case 1 -> LockSupport.parkNanos(10_000);
        default -> {}
      }
      return "done";
    } finally {
      running.decrementAndGet();
    }
  }

  private static void giveUp(CompletableFuture<?> future, Random dice) {
    switch (dice.nextInt(4)) {
      case 0 -> future.cancel(true);
      case 1 -> future.cancel(false);
      case 2 -> future.completeExceptionally(new IllegalStateException("by hand"));
      default -> ((TaskFuture<?>) future).stop();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void mapping_endsInEveryWay_nothingRunsAfterwards(boolean ordered) throws Exception {
    try (var pool = ThreadPool.of(4)) {
      for (int seed = 0; seed < 400; seed++) {
        stressMapping(pool, ordered, seed);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @Tag("deep")
  void mapping_endsInEveryWayForLong_nothingRunsAfterwards(boolean ordered) throws Exception {
    try (var pool = ThreadPool.of(4)) {
      for (int seed = 0; seed < 20_000; seed++) {
        stressMapping(pool, ordered, seed);
      }
    }
  }

  private static void stressMapping(ThreadPool pool, boolean ordered, int seed) throws Exception {
    var random = new Random(seed);
    int inputs = random.nextInt(60);
    int failing = random.nextInt(3) == 0 ? random.nextInt(60) : -1;
    int slow = random.nextInt(3) == 0 ? random.nextInt(60) : -1;
    int sourceFails = random.nextInt(4) == 0 ? random.nextInt(60) : -1;
    int readAtMost = random.nextInt(3) == 0 ? random.nextInt(60) : Integer.MAX_VALUE;
    var running = new AtomicInteger();
    Mapping<Integer, Integer> mapping =
        pool.mapping(input -> {
          running.incrementAndGet();
          try {
            if (input == failing) {
              throw new IllegalStateException("failing");
            }
            if (input == slow) {
              Thread.sleep(Duration.ofMillis(2));
            }
            return input;
          } finally {
            running.decrementAndGet();
          }
        });
    mapping = mapping.buffer(1 + random.nextInt(20));
    if (!ordered) {
      mapping = mapping.unordered();
    }
    var limiter = AsyncSemaphore.of(2);
    if (random.nextInt(3) == 0) {
      mapping = mapping.limiter(limiter);
    }
    if (random.nextInt(3) == 0) {
      mapping = mapping.timeout(Duration.ofMillis(1));
    }
    if (random.nextInt(5) == 0) {
      mapping = mapping.onProgress(progress -> {});
    }
    boolean interrupt = random.nextInt(6) == 0;
    int count = 0;
    var mine = Thread.currentThread();
    var over = new AtomicBoolean();
    Thread interrupter =
        interrupt
            ? Thread.ofVirtual()
                .start(() -> {
                  LockSupport.parkNanos(200_000);
                  synchronized (over) {
                    if (!over.get()) {
                      mine.interrupt();
                    }
                  }
                })
            : null;
    boolean failed = false;
    boolean failFast = random.nextBoolean();
    Iterable<Integer> source = () -> numbers(inputs, sourceFails);
    try (Stream<?> results = failFast ? mapping.over(source) : mapping.resultsOver(source)) {
      Iterator<?> iterator = results.iterator();
      while (count < readAtMost && iterator.hasNext()) {
        iterator.next();
        count++;
      }
    } catch (CompletionException | CancellationException expected) {
      failed = true;
    } finally {
      synchronized (over) {
        over.set(true);
      }
      boolean _ = Thread.interrupted();
      if (interrupter != null) {
        interrupter.join();
      }
    }
    assertEquals(0, running.get(), "seed=" + seed);
    assertEquals(0, limiter.inUse(), "seed=" + seed);
    assertEquals(0, limiter.waiting(), "seed=" + seed);
    if (!failed && readAtMost == Integer.MAX_VALUE) {
      assertEquals(inputs, count, "seed=" + seed);
    }
  }

  private static Iterator<Integer> numbers(int count, int fails) {
    return new Iterator<>() {
      private int next;

      @Override
      public boolean hasNext() {
        return next < count;
      }

      @Override
      public Integer next() {
        if (next == fails) {
          throw new IllegalStateException("source");
        }
        return next++;
      }
    };
  }
}
