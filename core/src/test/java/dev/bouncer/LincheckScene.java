package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.Lincheck;

/**
 * One run of a small race that Lincheck runs in many interleavings: the threads, their time, and
 * how many units are inside at once. A scene must end when all its threads have returned: a lost
 * wake-up is a hang, and Lincheck prints how it came about.
 */
abstract class LincheckScene {
  private static final int INTERLEAVINGS = 60;

  final StrictTiming time = new StrictTiming();
  private final AtomicInteger inside = new AtomicInteger();
  private final int mostInside;
  private final List<Thread> threads = new ArrayList<>();
  private volatile Throwable failure;

  /**
   * Reaches everything that the threads share. Lincheck 3.7 cannot look into lambdas: what only
   * they capture it takes for local to one thread, and never switches threads at it.
   */
  @SuppressWarnings("UnusedVariable") // written only: that alone makes the scene shared
  private static volatile LincheckScene shared;

  LincheckScene(int mostInside) {
    this.mostInside = mostInside;
    shared = this;
  }

  interface Action {
    void run() throws Exception;
  }

  static void explore(Runnable scenario) {
    explore(INTERLEAVINGS, scenario);
  }

  static void explore(int interleavings, Runnable scenario) {
    Lincheck.runConcurrentTest(interleavings, scenario);
  }

  Thread spawn(Action action) {
    Thread thread =
        new Thread(() -> {
          try {
            action.run();
          } catch (Throwable thrown) {
            failure = thrown;
          }
        });
    threads.add(thread);
    thread.start();
    return thread;
  }

  /** What everybody does with a permit: no more than the limit at once, then it goes back. */
  void use(Permit permit) {
    int now = inside.addAndGet(permit.weight());
    if (now > mostInside) {
      throw new AssertionError(now + " units inside, at most " + mostInside + " may be");
    }
    inside.addAndGet(-permit.weight());
    permit.close();
  }

  /** Waits until all threads have returned. */
  void join() {
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException interrupted) {
        throw new AssertionError(interrupted);
      }
    }
    if (failure != null) {
      throw new AssertionError("a thread failed", failure);
    }
  }

  static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise);
    }
  }

  /** Takes the limit apart, permit by permit: nothing was lost, and nothing is there twice. */
  static void requireFree(Limiter limiter, int limit) {
    for (int i = 0; i < limit; i++) {
      if (limiter.tryAcquire().isEmpty()) {
        throw new AssertionError("lost a permit: " + limiter);
      }
    }
    if (limiter.tryAcquire().isPresent()) {
      throw new AssertionError("one permit too many: " + limiter);
    }
    LimiterStats stats = limiter.stats();
    if (stats.waiting() != 0 || stats.available() != 0) {
      throw new AssertionError("the numbers do not add up: " + limiter);
    }
  }
}
