package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A million waiters, ten million that gave up, fifty thousand that time out together. */
@Tag("deep")
class AsyncSemaphoreScaleTest {
  private static final Duration LONG = Duration.ofHours(1);
  private static final int SMALL_STACK = 256 * 1024;
  private static final int ABANDONED = 10_000_000;

  @Test
  void millionCallbacksThatEachGiveBack_smallStack_linearTime() throws Exception {
    serveChain(50_000); // warm up
    long quarter = serveChain(250_000);
    long million = serveChain(1_000_000);
    double ratio = (double) million / quarter;
    say(
        "1,000,000 chained callbacks: %d ms, %.1f times 250,000"
            .formatted(million / 1_000_000, ratio));
    assertTrue(ratio < 12, "four times as many took " + ratio + " times as long"); // square is 16
  }

  /** Returns how many nanoseconds a line of asynchronous waiters took to serve itself. */
  private static long serveChain(int length) throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.of(1);
    Permit held = semaphore.acquire();
    AtomicInteger served = new AtomicInteger();
    for (int i = 0; i < length; i++) {
      var _ =
          semaphore
              .acquireAsync()
              .thenAccept(permit -> {
                served.incrementAndGet();
                permit.close();
              });
    }
    long start = System.nanoTime();
    Thread releaser = new Thread(null, held::close, "small stack", SMALL_STACK);
    releaser.start();
    releaser.join();
    eventually("all were served", () -> served.get() == length && semaphore.available() == 1);
    return System.nanoTime() - start;
  }

  @Test
  void tenMillionCancelled_leaveNothingBehind_nextReleaseReachesALiveWaiter() throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.of(1);
    Permit held = semaphore.acquire();
    CompletableFuture<Permit> first = semaphore.acquireAsync();
    long before = liveHeap();
    abandon(_ -> semaphore.acquireAsync());
    long left = liveHeap() - before;
    say("%,d cancelled acquires leave %d KiB".formatted(ABANDONED, left / 1024));
    assertTrue(left < 1 << 20, "bytes left behind: " + left);
    assertTrue(first.cancel(true));
    CompletableFuture<Permit> live = semaphore.acquireAsync();
    long start = System.nanoTime();
    held.close();
    assertTrue(live.isDone());
    long nanos = System.nanoTime() - start;
    say("the release after that took %.3f ms".formatted(nanos / 1e6));
    assertTrue(nanos < TimeUnit.SECONDS.toNanos(5), "nanoseconds: " + nanos);
    live.get().close();
    assertEquals(ABANDONED + 1, semaphore.stats().cancelled());
    assertEquals(1, semaphore.available());
  }

  @Test
  void tenMillionCancelledWithTimeouts_leaveNothingBehindAndNoAlarm() throws Exception {
    ManualTiming time = new ManualTiming();
    AsyncSemaphore semaphore = AsyncSemaphore.builder(1).build(time);
    Permit held = semaphore.acquire();
    long before = liveHeap();
    abandon(i -> semaphore.acquireAsync(1, LONG.minusSeconds(i % 60)));
    long left = liveHeap() - before;
    say("%,d cancelled acquires with timeouts leave %d KiB".formatted(ABANDONED, left / 1024));
    assertTrue(left < 1 << 20, "bytes left behind: " + left);
    assertTrue(time.alarmsSet() <= 1, "alarms on the clock: " + time.alarmsSet());
    time.advance(LONG.multipliedBy(2));
    assertEquals(0, time.alarmsSet(), "an empty wheel sets no alarm");
    assertEquals(0, semaphore.stats().timedOut());
    held.close();
    assertEquals(1, semaphore.available());
  }

  /** If each looked at all who stepped aside, it would take an hour. */
  @Test
  @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void waitersAside_costNewcomersWithTimeoutsNothing() throws Exception {
    int many = 500_000;
    AsyncSemaphore semaphore = AsyncSemaphore.of(2);
    try (Permit _ = semaphore.acquire(2)) {
      for (int i = 0; i < many; i++) {
        var _ = semaphore.acquireAsync(2);
      }
      semaphore.setLimit(1); // those step aside
      for (int i = 0; i < many; i++) {
        assertTrue(semaphore.acquireAsync(1, LONG).cancel(false));
      }
      assertEquals(many, semaphore.waiting());
    }
    semaphore.close();
  }

  @Test
  void fiftyThousandVirtualThreads_timeOutTogether_allReturn() throws Exception {
    int threads = 50_000;
    Duration timeout = Duration.ofSeconds(5);
    AsyncSemaphore semaphore = AsyncSemaphore.of(1);
    Permit held = semaphore.acquire();
    AtomicInteger empty = new AtomicInteger();
    AtomicLong latest = new AtomicLong();
    List<Thread> all = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      all.add(
          Thread.startVirtualThread(() -> {
            long deadline = System.nanoTime() + timeout.toNanos();
            try {
              if (semaphore.tryAcquire(timeout).isEmpty()) {
                empty.incrementAndGet();
              }
            } catch (InterruptedException impossible) {
              throw new AssertionError(impossible);
            }
            latest.accumulateAndGet(System.nanoTime() - deadline, Math::max);
          }));
    }
    for (Thread thread : all) {
      assertTrue(thread.join(Duration.ofMinutes(2)), () -> "still waits: " + semaphore);
    }
    say(
        "50,000 virtual threads timed out, the last one %d ms late"
            .formatted(latest.get() / 1_000_000));
    assertEquals(threads, empty.get());
    assertEquals(threads, semaphore.stats().timedOut());
    assertEquals(0, semaphore.waiting());
    held.close();
    semaphore.acquire().close();
  }

  @Test
  void manyFutures_timeOutTogether_allFail() throws Exception {
    int futures = 200_000;
    AsyncSemaphore semaphore = AsyncSemaphore.of(1);
    Permit held = semaphore.acquire();
    List<CompletableFuture<Permit>> all = new ArrayList<>();
    for (int i = 0; i < futures; i++) {
      all.add(semaphore.acquireAsync(1, Duration.ofMillis(500 + i % 500)));
    }
    eventually("all have failed", () -> all.stream().allMatch(CompletableFuture::isDone));
    assertTrue(all.stream().allMatch(CompletableFuture::isCompletedExceptionally));
    assertEquals(futures, semaphore.stats().timedOut());
    assertEquals(0, semaphore.waiting());
    assertFalse(semaphore.tryAcquire().isPresent());
    held.close();
    assertEquals(1, semaphore.available());
  }

  /** On a thread of its own, whose shallow stack makes the CancellationExceptions cheap. */
  private static void abandon(IntFunction<CompletableFuture<Permit>> acquire) throws Exception {
    AtomicInteger cancelled = new AtomicInteger();
    Thread thread =
        new Thread(() -> {
          for (int i = 0; i < ABANDONED; i++) {
            cancelled.addAndGet(acquire.apply(i).cancel(true) ? 1 : 0);
          }
        });
    thread.start();
    thread.join();
    assertEquals(ABANDONED, cancelled.get());
  }

  /** Bytes that survive a collection; the least of several looks, because others allocate too. */
  private static long liveHeap() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 4; i++) {
      System.gc();
      least =
          Math.min(least, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
    }
    return least;
  }

  private static void say(String measured) {
    System.out.println(measured);
  }
}
