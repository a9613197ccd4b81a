package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** {@link Limiter#allOf}. */
class CompositeLimiterTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final ManualTiming time = new ManualTiming();

  private RateLimiter rate(int permits) {
    return RateLimiter.builder(permits, SECOND).name("rate").build(time);
  }

  @Test
  void whileAPlaceIsBusy_noRateIsSpentAndNoOtherPlaceHeld() throws Exception {
    AsyncSemaphore places = AsyncSemaphore.of(1);
    AsyncSemaphore others = AsyncSemaphore.of(1);
    RateLimiter rate = rate(10);
    Limiter all = Limiter.allOf(rate, others, places);
    Permit busy = places.acquire();
    CompletableFuture<Permit> request = all.acquireAsync();
    assertEquals(Optional.empty(), all.tryAcquire());
    assertEquals(1, rate.available(), "not burnt while waiting");
    assertEquals(1, others.available(), "left to others");
    busy.close();
    assertTrue(request.isDone());
    assertEquals(0, rate.available());
    assertEquals(0, others.available());
    request.get().close();
    assertEquals(0, rate.available(), "spent");
    assertEquals(1, others.available());
    assertEquals(1, places.available());
  }

  @Test
  void whileTheRateIsSpent_noPlaceIsHeld() throws Exception {
    AsyncSemaphore places = AsyncSemaphore.of(1);
    RateLimiter rate = rate(10);
    Limiter all = Limiter.allOf(places, rate);
    all.acquire().close();
    CompletableFuture<Permit> request = all.acquireAsync();
    assertEquals(1, places.available());
    Permit direct = places.tryAcquire().orElseThrow();
    time.advance(Duration.ofMillis(100));
    assertFalse(request.isDone(), "the place went to somebody else");
    assertEquals(1, rate.available(), "so the rate was put back");
    direct.close();
    assertTrue(request.isDone());
    assertEquals(0, rate.available());
  }

  @Test
  void cancelledRequest_leavesNothingBehindInAnyLine() throws Exception {
    AsyncSemaphore places = AsyncSemaphore.of(1);
    RateLimiter rate = rate(10);
    Limiter all = Limiter.allOf(places, rate);
    Permit busy = places.acquire();
    CompletableFuture<Permit> one = all.acquireAsync();
    CompletableFuture<Permit> two = all.acquireAsync();
    assertEquals(1, places.waiting(), "only the first stands in the lines of the parts");
    assertTrue(one.cancel(true));
    assertEquals(1, places.waiting());
    assertTrue(two.cancel(true));
    assertEquals(0, places.waiting());
    busy.close();
    assertEquals(1, places.available());
    assertEquals(1, rate.available());
  }

  @Test
  void headOfAnotherWeight_startsAgain() throws Exception {
    AsyncSemaphore a = AsyncSemaphore.of(3);
    AsyncSemaphore b = AsyncSemaphore.of(3);
    Limiter all = Limiter.allOf(a, b);
    Permit two = a.acquire(2);
    CompletableFuture<Permit> heavy = all.acquireAsync(3);
    CompletableFuture<Permit> light = all.acquireAsync(1);
    assertFalse(light.isDone());
    assertTrue(heavy.cancel(true));
    assertEquals(1, light.get(1, TimeUnit.MINUTES).weight());
    light.get().close();
    two.close();
    assertEquals(3, a.available());
    assertEquals(3, b.available());
  }

  @Test
  void partClosed_closesTheCombinedOneAndGivesBack() throws Exception {
    AsyncSemaphore a = AsyncSemaphore.of(1);
    AsyncSemaphore b = AsyncSemaphore.of(1);
    Limiter all = Limiter.allOf(a, b);
    Permit busy = b.acquire();
    CompletableFuture<Permit> one = all.acquireAsync();
    Background<Permit> two = Background.virtual(all::acquire);
    eventually("both wait", () -> all.stats().waiting() == 2);
    b.close();
    assertInstanceOf(
        LimiterClosedException.class, assertThrows(ExecutionException.class, one::get).getCause());
    assertInstanceOf(LimiterClosedException.class, two.failure());
    assertThrows(LimiterClosedException.class, all::tryAcquire);
    assertEquals(1, a.available());
    busy.close();

    AsyncSemaphore c = AsyncSemaphore.of(1);
    Limiter idle = Limiter.allOf(a, c);
    c.close();
    assertThrows(LimiterClosedException.class, idle::tryAcquire);
    assertEquals(1, a.available());
  }

  @Test
  void partWithAFullLine_refusesTheFirstAndGoesOn() throws Exception {
    AsyncSemaphore a = AsyncSemaphore.of(1);
    AsyncSemaphore b = AsyncSemaphore.builder(1).maxWaiting(0).build();
    Limiter all = Limiter.allOf(a, b);
    Permit busy = b.acquire();
    List<CompletableFuture<Permit>> requests = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      requests.add(all.acquireAsync());
    }
    for (CompletableFuture<Permit> request : requests) {
      assertInstanceOf(
          LimiterFullException.class,
          assertThrows(ExecutionException.class, request::get).getCause());
    }
    assertThrows(LimiterFullException.class, all::acquire);
    busy.close();
    all.acquire().close();
    assertEquals(1, a.available());
    assertEquals(1, b.available());
  }

  @Test
  void nestedAndRepeatedParts_countOnce() throws Exception {
    AsyncSemaphore a = AsyncSemaphore.builder(1).name("a").build();
    AsyncSemaphore b = AsyncSemaphore.builder(2).name("b").build();
    Limiter all = Limiter.allOf(Limiter.allOf(a, b), b, a);
    assertEquals("allOf(a, b)", all.name());
    Permit permit = all.acquire();
    assertEquals(0, a.available());
    assertEquals(1, b.available());
    permit.close();
    permit.close();
    assertEquals(2, b.available());
    assertThrows(IllegalArgumentException.class, () -> all.acquire(2));
    assertThrows(NullPointerException.class, () -> Limiter.allOf(a, (Limiter) null));
  }

  @Test
  void hopelessTimeout_ofARate_isAnsweredAtOnce() throws Exception {
    Limiter all = CompositeLimiter.of(time, AsyncSemaphore.of(5), rate(10));
    all.acquire().close();
    assertEquals(Optional.empty(), all.tryAcquire(Duration.ofMillis(99)));
    CompletableFuture<Permit> hopeful = all.acquireAsync(1, Duration.ofMillis(100));
    time.advance(Duration.ofMillis(100));
    assertEquals(1, hopeful.get().weight());
  }

  @Test
  void manyWaiters_areServedFlat() throws Exception {
    AsyncSemaphore a = AsyncSemaphore.of(0);
    AsyncSemaphore b = AsyncSemaphore.of(100_000);
    Limiter all = Limiter.allOf(a, b);
    List<CompletableFuture<Permit>> requests = new ArrayList<>();
    for (int i = 0; i < 100_000; i++) {
      requests.add(all.acquireAsync());
    }
    a.setLimit(100_000);
    for (CompletableFuture<Permit> request : requests) {
      request.get(1, TimeUnit.MINUTES).close();
    }
    assertEquals(0, a.inUse());
    assertEquals(0, b.inUse());
  }

  @Test
  void anyMixAndOrderOfLimiters_neitherDeadlocksNorLosesAnything() throws Exception {
    List<AsyncSemaphore> places = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      places.add(AsyncSemaphore.of(1 + i % 2));
    }
    RateLimiter rate = RateLimiter.of(1_000_000, SECOND);
    List<Background<Boolean>> threads = new ArrayList<>();
    AtomicInteger served = new AtomicInteger();
    for (int t = 0; t < 12; t++) {
      Random random = new Random(t);
      threads.add(
          Background.virtual(() -> {
            for (int i = 0; i < 500; i++) {
              Limiter limiter = anyOf(places, rate, random);
              switch (random.nextInt(3)) {
                case 0 -> limiter.acquire().close();
                case 1 -> {
                  CompletableFuture<Permit> request = limiter.acquireAsync();
                  if (!request.cancel(true)) {
                    request.join().close();
                  }
                }
                default ->
                    limiter
                        .tryAcquire(Duration.ofNanos(random.nextInt(100_000)))
                        .ifPresent(Permit::close);
              }
              served.incrementAndGet();
            }
            return true;
          }));
    }
    threads.forEach(Background::result);
    assertEquals(6_000, served.get());
    for (AsyncSemaphore place : places) {
      eventually("nobody waits", () -> place.waiting() == 0);
      eventually("all was given back", () -> place.inUse() == 0);
    }
  }

  private static Limiter anyOf(List<AsyncSemaphore> places, RateLimiter rate, Random random) {
    List<Limiter> parts = new ArrayList<>(places.subList(0, 1 + random.nextInt(4)));
    parts.add(rate);
    Collections.shuffle(parts, random);
    return Limiter.allOf(parts.getFirst(), parts.subList(1, parts.size()).toArray(Limiter[]::new));
  }

  /** Both places are never free for a moment: whoever only tried would wait for ever. */
  @Test
  void partsThatOthersKeepBusyForEver_areHadAllTheSame() throws Exception {
    AsyncSemaphore a = AsyncSemaphore.of(1);
    AsyncSemaphore b = AsyncSemaphore.of(1);
    Limiter ab = Limiter.allOf(a, b);
    Limiter ba = Limiter.allOf(b, a);
    Busy busyA = new Busy(a);
    Busy busyB = new Busy(b);
    CompletableFuture<Permit> one = ab.acquireAsync();
    CompletableFuture<Permit> two = ba.acquireAsync();
    for (int turn = 0; turn < 10; turn++) {
      one.thenAccept(Permit::close);
      two.thenAccept(Permit::close);
      busyA.next();
      busyB.next();
    }
    one.get(1, TimeUnit.MINUTES);
    two.get(1, TimeUnit.MINUTES);
  }

  /** Somebody holds the only permit, and somebody waits for it, at all times. */
  private static final class Busy {
    private final AsyncSemaphore semaphore;
    private CompletableFuture<Permit> holds;
    private CompletableFuture<Permit> waits;

    Busy(AsyncSemaphore semaphore) {
      this.semaphore = semaphore;
      holds = semaphore.acquireAsync();
      waits = semaphore.acquireAsync();
    }

    void next() {
      CompletableFuture<Permit> gone = holds;
      holds = waits;
      waits = semaphore.acquireAsync();
      gone.thenAccept(Permit::close);
    }
  }
}
