package dev.bouncer.law;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Limiter;
import dev.bouncer.LimiterClosedException;
import dev.bouncer.LimiterStats;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What every limiter owes its users, whatever it limits. A subclass says how to make one whose
 * permits are free again as soon as they are closed.
 */
public abstract class LimiterLaw {
  private static final Duration LONG = Duration.ofHours(1);
  private static final Duration SHORT = Duration.ofMillis(20);

  private final List<Limiter> made = new ArrayList<>();

  /** Makes a fair limiter of the given limit. */
  protected abstract Limiter create(int limit);

  /**
   * Waits until everything that was granted has arrived. Inside one JVM it has when the call
   * returns; from another machine it travels.
   */
  protected void settle(Limiter limiter) {}

  private Limiter limiter(int limit) {
    Limiter limiter = create(limit);
    made.add(limiter);
    return limiter;
  }

  @AfterEach
  void closeAll() {
    made.forEach(Limiter::close);
  }

  // Conservation.

  @Test
  void acquire_upToTheLimit_thenNotNow() throws Exception {
    Limiter limiter = limiter(3);
    List<Permit> held = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      held.add(limiter.acquire());
      assertNumbers(limiter, 3, i + 1, 0);
    }
    assertEquals(Optional.empty(), limiter.tryAcquire());
    held.forEach(Permit::close);
    assertNumbers(limiter, 3, 0, 0);
    assertEquals(3, limiter.stats().acquired());
  }

  @Test
  void close_calledTwiceFromTwoThreads_givesBackOnce() throws Exception {
    Limiter limiter = limiter(1);
    Permit permit = limiter.acquire();
    permit.close();
    permit.close();
    Background.platform(
            () -> {
              permit.close();
              permit.close(Outcome.DROPPED);
              return true;
            })
        .result();
    assertNumbers(limiter, 1, 0, 0);
    try (Permit only = limiter.acquire()) {
      assertEquals(1, only.weight());
      assertTrue(limiter.tryAcquire().isEmpty());
    }
  }

  @Test
  void close_withEachOutcome_givesBack() throws Exception {
    Limiter limiter = limiter(1);
    for (Outcome outcome : Outcome.values()) {
      limiter.acquire().close(outcome);
      assertNumbers(limiter, 1, 0, 0);
    }
  }

  @Test
  void weights_areTakenAndGivenBackWhole() throws Exception {
    Limiter limiter = limiter(5);
    Permit three = limiter.acquire(3);
    assertEquals(3, three.weight());
    assertTrue(limiter.tryAcquire(3).isEmpty());
    Permit two = limiter.tryAcquire(2).orElseThrow();
    assertNumbers(limiter, 5, 5, 0);
    three.close();
    assertNumbers(limiter, 5, 2, 0);
    two.close();
    assertNumbers(limiter, 5, 0, 0);
  }

  // Order.

  @Test
  void waiters_blockingAndAsynchronous_areServedInOrder() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    ConcurrentLinkedQueue<Integer> order = new ConcurrentLinkedQueue<>();
    List<Background<?>> threads = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      int me = i;
      switch (i % 3) {
        case 0 -> threads.add(Background.virtual(() -> serve(limiter, me, order)));
        case 1 -> threads.add(Background.platform(() -> serve(limiter, me, order)));
        default ->
            limiter
                .acquireAsync()
                .thenAccept(permit -> {
                  order.add(me);
                  permit.close();
                });
      }
      eventually("waiter " + me + " stands in line", () -> limiter.stats().waiting() == me + 1);
    }
    held.close();
    threads.forEach(Background::result);
    eventually("all were served", () -> order.size() == 30);
    List<Integer> expected = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      expected.add(i);
    }
    assertEquals(expected, List.copyOf(order));
    eventually("all was given back", () -> limiter.stats().inUse() == 0);
  }

  private static boolean serve(Limiter limiter, int me, ConcurrentLinkedQueue<Integer> order)
      throws InterruptedException {
    try (Permit permit = limiter.acquire()) {
      return order.add(me) && permit.weight() == 1;
    }
  }

  @Test
  void tryAcquire_whileSomebodyWaits_neverBarges() throws Exception {
    Limiter limiter = limiter(2);
    Permit one = limiter.acquire();
    CompletableFuture<Permit> heavy = limiter.acquireAsync(2);
    assertFalse(heavy.isDone());
    assertEquals(Optional.empty(), limiter.tryAcquire(), "a unit is free, but not for newcomers");
    assertEquals(Optional.empty(), limiter.tryAcquire(1, Duration.ZERO));
    assertFailsWith(TimeoutException.class, limiter.acquireAsync(1, Duration.ZERO));
    one.close();
    assertEquals(2, heavy.get().weight());
    heavy.get().close();
    assertNumbers(limiter, 2, 0, 0);
  }

  @Test
  void lightBehindHeavy_waitsInLine() throws Exception {
    Limiter limiter = limiter(3);
    Permit two = limiter.acquire(2);
    CompletableFuture<Permit> heavy = limiter.acquireAsync(3);
    CompletableFuture<Permit> light = limiter.acquireAsync(1);
    assertFalse(light.isDone());
    two.close();
    settle(limiter);
    assertTrue(heavy.isDone());
    assertFalse(light.isDone());
    heavy.get().close();
    light.get().close();
    assertNumbers(limiter, 3, 0, 0);
  }

  @Test
  void oneRelease_servesAllThatFit() throws Exception {
    Limiter limiter = limiter(4);
    Permit all = limiter.acquire(4);
    List<CompletableFuture<Permit>> waiters = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      waiters.add(limiter.acquireAsync());
    }
    all.close();
    settle(limiter);
    assertEquals(4, waiters.stream().filter(CompletableFuture::isDone).count());
    assertNumbers(limiter, 4, 4, 2);
    waiters.forEach(waiter -> waiter.thenAccept(Permit::close));
    assertNumbers(limiter, 4, 0, 0);
  }

  // Giving up.

  @Test
  void tryAcquire_timesOut_isEmptyAndLeavesTheLine() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    assertEquals(Optional.empty(), limiter.tryAcquire(SHORT));
    assertEquals(Optional.empty(), limiter.tryAcquire(1, Duration.ofSeconds(-5)));
    assertNumbers(limiter, 1, 1, 0);
    assertEquals(1, limiter.stats().timedOut(), "only the one that waited");
    held.close();
    try (Permit again = limiter.tryAcquire(SHORT).orElseThrow()) {
      assertEquals(1, again.weight());
    }
  }

  @Test
  void tryAcquire_hugeTimeout_doesNotOverflow() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    Background<Optional<Permit>> waiter =
        Background.virtual(() -> limiter.tryAcquire(Duration.ofSeconds(Long.MAX_VALUE)));
    CompletableFuture<Permit> later =
        limiter.acquireAsync(1, Duration.ofSeconds(Long.MAX_VALUE, 999_999_999));
    eventually("both wait", () -> limiter.stats().waiting() == 2);
    held.close();
    eventually("one was served", () -> limiter.stats().waiting() < 2);
    later.thenAccept(Permit::close);
    waiter.result().ifPresent(Permit::close);
    eventually("all was given back", () -> limiter.stats().inUse() == 0);
  }

  @Test
  void acquireAsync_timesOut_failsWithTimeoutAndLeavesTheLine() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    CompletableFuture<Permit> hopeless = limiter.acquireAsync(1, SHORT);
    TimeoutException timeout = assertFailsWith(TimeoutException.class, hopeless);
    assertTrue(timeout.getMessage().contains(limiter.name()), timeout.getMessage());
    assertNumbers(limiter, 1, 1, 0);
    assertEquals(1, limiter.stats().timedOut());
    held.close();
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void acquire_interruptedBefore_throwsAndTakesNothing() {
    Limiter limiter = limiter(1);
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, limiter::acquire);
    assertFalse(Thread.currentThread().isInterrupted());
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> limiter.tryAcquire(LONG));
    assertFalse(Thread.currentThread().isInterrupted());
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void acquire_interruptedWhileWaiting_throwsAndLeavesTheLine() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    Background<Permit> virtual = Background.virtual(limiter::acquire);
    Background<Optional<Permit>> platform = Background.platform(() -> limiter.tryAcquire(LONG));
    eventually("both wait", () -> limiter.stats().waiting() == 2);
    virtual.thread().interrupt();
    platform.thread().interrupt();
    assertInstanceOf(InterruptedException.class, virtual.failure());
    assertInstanceOf(InterruptedException.class, platform.failure());
    assertNumbers(limiter, 1, 1, 0);
    assertEquals(2, limiter.stats().cancelled());
    held.close();
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void cancel_whileWaiting_leavesTheLineAndTakesNothing() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    CompletableFuture<Permit> first = limiter.acquireAsync();
    CompletableFuture<Permit> second = limiter.acquireAsync();
    assertTrue(first.cancel(false));
    assertTrue(first.isCancelled());
    assertTrue(first.cancel(true), "asking again gives the same answer");
    assertEquals(1, limiter.stats().waiting());
    held.close();
    second.get().close();
    assertNumbers(limiter, 1, 0, 0);
    assertThrows(CancellationException.class, first::join);
  }

  @Test
  void cancel_afterTheGrant_saysFalseAndTheFutureHoldsThePermit() throws Exception {
    Limiter limiter = limiter(1);
    CompletableFuture<Permit> future = limiter.acquireAsync();
    settle(limiter);
    assertFalse(future.cancel(true));
    future.get().close();
    Permit held = limiter.acquire();
    CompletableFuture<Permit> later = limiter.acquireAsync();
    held.close();
    settle(limiter);
    assertFalse(later.cancel(true));
    later.get().close();
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void cancelOfTheHead_letsALighterOneIn() throws Exception {
    Limiter limiter = limiter(3);
    Permit two = limiter.acquire(2);
    CompletableFuture<Permit> heavy = limiter.acquireAsync(3);
    CompletableFuture<Permit> light = limiter.acquireAsync(1);
    assertFalse(light.isDone());
    assertTrue(heavy.cancel(true));
    assertEquals(1, light.get(1, TimeUnit.MINUTES).weight());
    light.get().close();
    two.close();
    assertNumbers(limiter, 3, 0, 0);
  }

  @Test
  void timeoutOfTheHead_letsALighterOneIn() throws Exception {
    Limiter limiter = limiter(3);
    Permit two = limiter.acquire(2);
    CompletableFuture<Permit> heavy = limiter.acquireAsync(3, SHORT);
    CompletableFuture<Permit> light = limiter.acquireAsync(1);
    assertFailsWith(TimeoutException.class, heavy);
    light.get(1, TimeUnit.MINUTES).close();
    two.close();
    assertNumbers(limiter, 3, 0, 0);
  }

  @Test
  void futureCompletedByHand_countsAsGivingUp() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    Permit forged = held;
    CompletableFuture<Permit> completed = limiter.acquireAsync();
    CompletableFuture<Permit> failed = limiter.acquireAsync();
    CompletableFuture<Permit> timedOut = limiter.acquireAsync().orTimeout(1, TimeUnit.MILLISECONDS);
    CompletableFuture<Permit> defaulted =
        limiter.acquireAsync().completeOnTimeout(forged, 1, TimeUnit.MILLISECONDS);
    CompletableFuture<Permit> supplied = limiter.acquireAsync().completeAsync(() -> forged);
    CompletableFuture<Permit> obtruded = limiter.acquireAsync();
    CompletableFuture<Permit> last = limiter.acquireAsync();
    assertTrue(completed.complete(forged));
    assertTrue(failed.completeExceptionally(new IllegalStateException("by hand")));
    obtruded.obtrudeException(new IllegalStateException("obtruded"));
    assertFailsWith(TimeoutException.class, timedOut);
    assertSame(forged, defaulted.get(1, TimeUnit.MINUTES));
    assertSame(forged, supplied.get(1, TimeUnit.MINUTES));
    eventually("all but the last left the line", () -> limiter.stats().waiting() == 1);
    held.close();
    last.get(1, TimeUnit.MINUTES).close();
    assertNumbers(limiter, 1, 0, 0);
  }

  // Callbacks.

  @Test
  void callbackThatThrows_harmsNobody() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    CompletableFuture<Object> bad =
        limiter
            .acquireAsync()
            .thenApply(permit -> {
              permit.close();
              throw new IllegalStateException("callback");
            });
    CompletableFuture<Permit> next = limiter.acquireAsync();
    held.close();
    next.get(1, TimeUnit.MINUTES).close();
    eventually("the callback has thrown", bad::isCompletedExceptionally);
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void callbackThatBlocks_harmsOnlyItsThread() throws Exception {
    Limiter limiter = limiter(2);
    Permit one = limiter.acquire();
    Permit two = limiter.acquire();
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch blocked = new CountDownLatch(1);
    var _ =
        limiter
            .acquireAsync()
            .thenAccept(permit -> {
              blocked.countDown();
              awaitUninterruptibly(never);
              permit.close();
            });
    CompletableFuture<Permit> next = limiter.acquireAsync();
    Background<Boolean> releaser =
        Background.platform(() -> {
          one.close();
          return true;
        });
    blocked.await();
    two.close();
    next.get(1, TimeUnit.MINUTES).close();
    never.countDown();
    assertTrue(releaser.result());
    eventually("all was given back", () -> limiter.stats().inUse() == 0);
  }

  @Test
  void callbackThatGivesBackAndThenWaitsForTheNext_doesNotDeadlock() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    CompletableFuture<Permit> first = limiter.acquireAsync();
    CompletableFuture<Permit> second = limiter.acquireAsync();
    CompletableFuture<Void> both =
        first.thenAccept(permit -> {
          permit.close(); // grants the second ...
          second.join().close(); // ... whose completion would be queued behind this callback
        });
    held.close();
    both.get(1, TimeUnit.MINUTES);
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void chainOfReleasesInsideCallbacks_runsFlatOnASmallStack() throws Exception {
    Limiter limiter = limiter(1);
    int length = 100_000;
    AtomicInteger served = new AtomicInteger();
    Thread thread =
        new Thread(
            null,
            () -> {
              Permit held = limiter.tryAcquire().orElseThrow();
              for (int i = 0; i < length; i++) {
                var _ =
                    limiter
                        .acquireAsync()
                        .thenAccept(permit -> {
                          served.incrementAndGet();
                          permit.close();
                        });
              }
              held.close();
            },
            "small stack",
            256 * 1024);
    thread.start();
    thread.join();
    eventually("all were served", () -> served.get() == length);
    assertNumbers(limiter, 1, 0, 0);
  }

  // Closing.

  @Test
  void close_failsWaitersAndNewcomers_keepsHeldPermitsValid() throws Exception {
    Limiter limiter = limiter(1);
    Permit held = limiter.acquire();
    Background<Permit> blocked = Background.virtual(limiter::acquire);
    CompletableFuture<Permit> queued = limiter.acquireAsync();
    CompletableFuture<Permit> timed = limiter.acquireAsync(1, LONG);
    eventually("all wait", () -> limiter.stats().waiting() == 3);
    limiter.close();
    limiter.close();
    assertInstanceOf(LimiterClosedException.class, blocked.failure());
    assertFailsWith(LimiterClosedException.class, queued);
    assertFailsWith(LimiterClosedException.class, timed);
    assertThrows(LimiterClosedException.class, limiter::acquire);
    assertThrows(LimiterClosedException.class, limiter::tryAcquire);
    assertThrows(LimiterClosedException.class, () -> limiter.tryAcquire(LONG));
    assertFailsWith(LimiterClosedException.class, limiter.acquireAsync());
    assertFailsWith(LimiterClosedException.class, limiter.acquireAsync(1, LONG));
    assertFailsWith(LimiterClosedException.class, limiter.acquireAsync(1, Duration.ZERO));
    assertNumbers(limiter, 1, 1, 0);
    held.close();
    assertNumbers(limiter, 1, 0, 0);
    assertThrows(LimiterClosedException.class, limiter::tryAcquire);
  }

  // The forms that own both ends.

  @Test
  void call_everyWayOut_givesBack() throws Exception {
    Limiter limiter = limiter(1);
    assertEquals("done", limiter.call(() -> "done"));
    assertThrows(
        java.io.IOException.class,
        () ->
            limiter.call(() -> {
              throw new java.io.IOException("checked");
            }));
    assertThrows(
        StackOverflowError.class,
        () ->
            limiter.call(() -> {
              throw new StackOverflowError("an Error");
            }));
    assertThrows(
        IllegalStateException.class,
        () ->
            limiter.run(() -> {
              throw new IllegalStateException("unchecked");
            }));
    limiter.run(() -> assertEquals(1, limiter.stats().inUse()));
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void callAsync_givesBackWhenTheStageCompletes_notWhenTheTaskReturns() throws Exception {
    Limiter limiter = limiter(1);
    CompletableFuture<String> stage = new CompletableFuture<>();
    CompletableFuture<String> result = limiter.callAsync(() -> stage);
    settle(limiter);
    assertEquals(1, limiter.stats().inUse());
    stage.complete("late");
    assertEquals("late", result.get());
    assertNumbers(limiter, 1, 0, 0);
  }

  @Test
  void callAsync_everyWayOut_givesBack() throws Exception {
    Limiter limiter = limiter(1);
    IllegalStateException failure = new IllegalStateException("stage");
    assertSame(
        failure,
        assertFailsWith(
            IllegalStateException.class,
            limiter.callAsync(() -> CompletableFuture.failedFuture(failure))));
    assertFailsWith(
        AssertionError.class,
        limiter.callAsync(() -> {
          throw new AssertionError("the task itself");
        }));
    assertFailsWith(NullPointerException.class, limiter.callAsync(LimiterLaw::noStage));
    CompletableFuture<String> running = new CompletableFuture<>();
    CompletableFuture<String> cancelled = limiter.callAsync(() -> running);
    settle(limiter);
    assertTrue(cancelled.cancel(true));
    assertTrue(running.isCancelled(), "cancelling reaches the stage");
    assertNumbers(limiter, 1, 0, 0);
    Permit held = limiter.acquire();
    CompletableFuture<String> queued =
        limiter.callAsync(() -> {
          throw new AssertionError("a cancelled call must not start");
        });
    assertTrue(queued.cancel(true));
    assertEquals(0, limiter.stats().waiting(), "cancelling withdraws the request");
    held.close();
    assertNumbers(limiter, 1, 0, 0);
  }

  private static CompletableFuture<String> noStage() {
    return null;
  }

  // Bad input.

  @Test
  void badArguments_areRefusedWithAClearMessageAndChangeNothing() throws Exception {
    Limiter limiter = limiter(2);
    for (int weight : new int[] {0, -1, Integer.MIN_VALUE, 3, Integer.MAX_VALUE}) {
      List<IllegalArgumentException> refusals =
          List.of(
              assertThrows(IllegalArgumentException.class, () -> limiter.acquire(weight)),
              assertThrows(IllegalArgumentException.class, () -> limiter.tryAcquire(weight)),
              assertThrows(IllegalArgumentException.class, () -> limiter.tryAcquire(weight, SHORT)),
              assertThrows(IllegalArgumentException.class, () -> limiter.acquireAsync(weight)),
              assertThrows(
                  IllegalArgumentException.class, () -> limiter.acquireAsync(weight, SHORT)));
      for (IllegalArgumentException refusal : refusals) {
        assertTrue(refusal.getMessage().contains("weight=" + weight), refusal.getMessage());
      }
    }
    assertThrows(NullPointerException.class, () -> limiter.tryAcquire(nothing()));
    assertThrows(NullPointerException.class, () -> limiter.acquireAsync(1, nothing()));
    assertThrows(NullPointerException.class, () -> limiter.call(nothing()));
    assertThrows(NullPointerException.class, () -> limiter.run(nothing()));
    assertThrows(NullPointerException.class, () -> limiter.callAsync(nothing()));
    assertNumbers(limiter, 2, 0, 0);
  }

  @SuppressWarnings("TypeParameterUnusedInFormals")
  private static <T> T nothing() {
    return null;
  }

  // Everything at once.

  @Test
  void randomMix_neverExceedsTheLimitAndLosesNothing() {
    int limit = 4;
    Limiter limiter = limiter(limit);
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Background<Boolean>> threads = new ArrayList<>();
    for (int t = 0; t < 8; t++) {
      long seed = 7_654_321L + t;
      threads.add(
          t % 2 == 0
              ? Background.virtual(() -> mix(limiter, new Random(seed), inside, most))
              : Background.platform(() -> mix(limiter, new Random(seed), inside, most)));
    }
    threads.forEach(Background::result);
    eventually("nobody waits", () -> limiter.stats().waiting() == 0);
    eventually("all was given back", () -> limiter.stats().inUse() == 0);
    assertTrue(most.get() <= limit, "most at once: " + most.get());
    List<Permit> all = new ArrayList<>();
    for (int i = 0; i < limit; i++) {
      all.add(limiter.tryAcquire().orElseThrow());
    }
    assertEquals(Optional.empty(), limiter.tryAcquire());
    all.forEach(Permit::close);
  }

  private static boolean mix(
      Limiter limiter, Random random, AtomicInteger inside, AtomicInteger most)
      throws InterruptedException {
    for (int i = 0; i < 2_000; i++) {
      int weight = 1 + random.nextInt(3);
      Optional<Permit> permit =
          switch (random.nextInt(5)) {
            case 0 -> Optional.of(limiter.acquire(weight));
            case 1 -> limiter.tryAcquire(weight);
            case 2 -> limiter.tryAcquire(weight, Duration.ofNanos(random.nextInt(50_000)));
            case 3 -> {
              CompletableFuture<Permit> future = limiter.acquireAsync(weight);
              yield future.cancel(true) ? Optional.empty() : Optional.of(future.join());
            }
            default -> Optional.of(limiter.acquireAsync(weight).join());
          };
      permit.ifPresent(held -> {
        int now = inside.addAndGet(held.weight());
        most.accumulateAndGet(now, Math::max);
        if ((now & 3) == 0) {
          Thread.onSpinWait();
        }
        inside.addAndGet(-held.weight());
        held.close();
      });
    }
    return true;
  }

  // What the tests share.

  protected void assertNumbers(Limiter limiter, int limit, int inUse, int waiting) {
    settle(limiter);
    LimiterStats stats = limiter.stats();
    assertEquals(limit, stats.limit(), stats::toString);
    assertEquals(inUse, stats.inUse(), stats::toString);
    assertEquals(limit - inUse, stats.available(), stats::toString);
    assertEquals(waiting, stats.waiting(), stats::toString);
  }

  protected static <X extends Throwable> X assertFailsWith(
      Class<X> type, CompletableFuture<?> future) {
    ExecutionException failure =
        assertThrows(ExecutionException.class, () -> future.get(1, TimeUnit.MINUTES));
    return assertInstanceOf(type, failure.getCause());
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    boolean interrupted = false;
    while (true) {
      try {
        latch.await();
        break;
      } catch (InterruptedException again) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
