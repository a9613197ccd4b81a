package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Limiters of several kinds together, and code of users that fails inside them. */
class LimiterWaysOutTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration WINDOW = Duration.ofMillis(100);

  private final ManualTiming time = new ManualTiming();

  @Test
  void close_algorithmThatThrows_givesThePermitBackAllTheSame() {
    AdaptiveLimiter limiter =
        AdaptiveLimiter.builder()
            .initialLimit(1)
            .algorithm(() ->
                window -> {
                  throw new IllegalStateException("algorithm");
                })
            .build(time);
    time.advance(WINDOW.multipliedBy(10)); // the first report ends the window
    Permit first = limiter.tryAcquire().orElseThrow();
    time.advance(WINDOW);
    CompletableFuture<Permit> next = limiter.acquireAsync();
    assertThrows(IllegalStateException.class, first::close);
    assertTrue(next.isDone(), limiter::toString);
    assertEquals(1, limiter.inUse());
  }

  @Test
  void lastOfABatchRefused_cutsATenthOfWhatWasInUse() {
    AdaptiveLimiter limiter =
        AdaptiveLimiter.builder()
            .algorithm(LimitAlgorithm::aimd)
            .initialLimit(100)
            .maxLimit(200)
            .build(time);
    List<Permit> batch = new ArrayList<>();
    while (limiter.available() > 0) {
      batch.add(limiter.tryAcquire().orElseThrow());
    }
    time.advance(WINDOW);
    batch.removeLast().close(Outcome.IGNORED);
    Permit last = batch.removeLast();
    batch.forEach(Permit::close);
    last.close(Outcome.DROPPED);
    assertTrue(limiter.limit() >= 80, () -> "limit=" + limiter.limit());
  }

  @Test
  void wouldBeLimit_whileTheAlgorithmIsAtWork_doesNotBlock() throws Exception {
    AtomicReference<AdaptiveLimiter> limiter = new AtomicReference<>();
    CompletableFuture<Integer> seen = new CompletableFuture<>();
    limiter.set(
        AdaptiveLimiter.builder()
            .initialLimit(1)
            .algorithm(() ->
                window -> {
                  CompletableFuture<Integer> asked =
                      CompletableFuture.supplyAsync(() -> limiter.get().wouldBeLimit());
                  seen.complete(asked.completeOnTimeout(-1, 10, TimeUnit.SECONDS).join());
                  return window.limit();
                })
            .build(time));
    time.advance(WINDOW.multipliedBy(10)); // the first report ends the window
    Permit permit = limiter.get().tryAcquire().orElseThrow();
    time.advance(WINDOW);
    permit.close();
    assertEquals(1, seen.get(30, TimeUnit.SECONDS));
  }

  @Test
  void tooHeavyRequestAside_doesNotMakeANewcomerHopeless() {
    RateLimiter limiter = RateLimiter.builder(Bandwidth.of(1, SECOND).withBurst(10)).build(time);
    Permit all = limiter.tryAcquire(10).orElseThrow();
    assertEquals(10, all.weight());
    CompletableFuture<Permit> heavy = limiter.acquireAsync(10);
    limiter.setBandwidths(Bandwidth.of(1, SECOND));
    assertEquals(SECOND, limiter.retryAfter(1));
    CompletableFuture<Permit> light = limiter.acquireAsync(1, SECOND.multipliedBy(5));
    assertFalse(light.isDone(), light::toString);
    time.advance(SECOND);
    assertEquals(CompletableFuture.State.SUCCESS, light.state());
    assertFalse(heavy.isDone());
    heavy.cancel(false);
    assertEquals(Duration.ofSeconds(1), limiter.retryAfter(1));
  }

  @Test
  void close_leavesNoAlarmOnTheClock() {
    RateLimiter limiter = RateLimiter.builder(1, Duration.ofDays(1)).build(time);
    assertTrue(limiter.tryAcquire().isPresent());
    CompletableFuture<Permit> cancelled = limiter.acquireAsync();
    cancelled.cancel(false);
    assertEquals(0, time.alarmsSet());
    CompletableFuture<Permit> closed = limiter.acquireAsync();
    limiter.close();
    assertTrue(closed.isCompletedExceptionally());
    time.advance(SECOND); // the callbacks' own alarm, to rescue those behind one that blocks
    assertEquals(0, time.alarmsSet());
  }

  @Test
  void combinedWithARate_timeoutLongEnoughForTheTurn_isNotHopeless() {
    RateLimiter rate = RateLimiter.builder(1, SECOND).build(time);
    Limiter all = CompositeLimiter.of(time, AsyncSemaphore.of(10), rate);
    assertTrue(all.tryAcquire().isPresent());
    CompletableFuture<Permit> first = all.acquireAsync(1, SECOND.multipliedBy(10));
    CompletableFuture<Permit> second = all.acquireAsync(1, Duration.ofMillis(2_500));
    assertFalse(second.isDone(), second::toString);
    time.advance(SECOND);
    assertEquals(CompletableFuture.State.SUCCESS, first.state());
    time.advance(SECOND);
    assertEquals(CompletableFuture.State.SUCCESS, second.state());
  }

  @Test
  void combinedPermit_partThatFailsToClose_givesTheOthersBack() {
    AsyncSemaphore places = AsyncSemaphore.of(1);
    Limiter all = Limiter.allOf(places, failsToGiveBack());
    Permit permit = all.tryAcquire().orElseThrow();
    assertThrows(IllegalStateException.class, permit::close);
    assertEquals(1, places.available());
  }

  private static Limiter failsToGiveBack() {
    Permit permit =
        new Permit() {
          @Override
          public int weight() {
            return 1;
          }

          @Override
          public void close() {
            throw new IllegalStateException("connection lost");
          }
        };
    return (Limiter)
        Proxy.newProxyInstance(
            Limiter.class.getClassLoader(),
            new Class<?>[] {Limiter.class},
            (self, method, arguments) ->
                switch (method.getName()) {
                  case "tryAcquire" -> Optional.of(permit);
                  case "name" -> "remote";
                  case "hashCode" -> System.identityHashCode(self);
                  case "equals" -> self == arguments[0];
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  @Test
  void combinedKeys_namedInAnyOrder_doNotDeadlock() throws Exception {
    for (int round = 0; round < 40; round++) {
      KeyedLimiter<String> keyed = KeyedLimiter.perKey(key -> AsyncSemaphore.of(1));
      Optional<Permit> a = keyed.forKey("a").tryAcquire();
      Optional<Permit> b = keyed.forKey("b").tryAcquire();
      List<CompletableFuture<Permit>> requests = new ArrayList<>();
      requests.add(Limiter.allOf(keyed.forKey("a"), keyed.forKey("b")).acquireAsync());
      requests.add(Limiter.allOf(keyed.forKey("b"), keyed.forKey("a")).acquireAsync());
      for (int turn = 0; turn < 6; turn++) {
        a.ifPresent(Permit::close);
        a = keyed.forKey("a").tryAcquire();
        b.ifPresent(Permit::close);
        b = keyed.forKey("b").tryAcquire();
      }
      a.ifPresent(Permit::close);
      b.ifPresent(Permit::close);
      var one = CompletableFuture.anyOf(requests.toArray(CompletableFuture[]::new));
      ((Permit) one.get(30, TimeUnit.SECONDS)).close();
      for (CompletableFuture<Permit> request : requests) {
        request.get(30, TimeUnit.SECONDS).close();
      }
    }
  }

  @Test
  void combinedKey_namedTwice_isTakenOnce() {
    KeyedLimiter<String> keyed = KeyedLimiter.perKey(key -> AsyncSemaphore.of(1));
    assertTrue(Limiter.allOf(keyed.forKey("a"), keyed.forKey("a")).tryAcquire().isPresent());
  }

  @Test
  void combinedKey_withNoPlaceForIt_failsTheFuture() throws Exception {
    KeyedLimiter<String> keyed =
        KeyedLimiter.<String>builder(key -> AsyncSemaphore.of(1)).maxKeys(1).build();
    AsyncSemaphore places = AsyncSemaphore.of(1);
    Limiter all = Limiter.allOf(keyed.forKey("a"), places);
    try (Permit busy = keyed.forKey("b").acquire()) {
      assertEquals(1, busy.weight());
      CompletableFuture<Permit> request = all.acquireAsync();
      assertInstanceOf(LimiterFullException.class, request.exceptionNow());
    }
    assertEquals(1, places.available());
    assertTrue(all.tryAcquire().isPresent());
  }

  @Test
  void closeOfAKey_afterAllWereClosed_doesNothing() {
    KeyedLimiter<String> keyed = KeyedLimiter.perKey(key -> AsyncSemaphore.of(1));
    Limiter a = keyed.forKey("a");
    keyed.close();
    a.close();
    assertEquals(0, keyed.keys());
  }
}
