package dev.bouncer.http;

import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/** Threads that do different things at the same moment, round after round. */
final class Together implements AutoCloseable {
  private static final int LONGEST_HEAD_START = 400;
  private static final int SPINS_BEFORE_PARKING = 1_000;
  private static final long GIVE_UP_SECONDS = 60;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Random random = new Random(11);

  /** Runs the actions, each on a thread, and waits for all; some get a small head start. */
  void run(Runnable... actions) throws Exception {
    AtomicInteger missing = new AtomicInteger(actions.length);
    List<? extends Future<?>> running =
        IntStream.range(0, actions.length)
            .mapToObj(i -> {
              int delay = random.nextInt(LONGEST_HEAD_START);
              return threads.submit(() -> {
                missing.decrementAndGet();
                for (int spins = 0; missing.get() > 0; spins++) {
                  if (spins < SPINS_BEFORE_PARKING) {
                    Thread.onSpinWait();
                  } else {
                    LockSupport.parkNanos(1); // there may be fewer processors than threads
                  }
                }
                for (int spin = 0; spin < delay; spin++) {
                  Thread.onSpinWait();
                }
                actions[i].run();
              });
            })
            .toList();
    for (Future<?> action : running) {
      try {
        action.get(GIVE_UP_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException failed) {
        throw new AssertionError("an action failed", failed.getCause());
      }
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
