package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * Combined and keyed limiters over limiters that somebody else wrote. Whatever those do when they
 * are asked, none of our locks is held: what another thread does meanwhile comes to its end.
 */
class LimiterFromElsewhereTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final ManualTiming time = new ManualTiming();
  private final AtomicInteger looks = new AtomicInteger();

  /** While it is asked for its numbers, another thread does something and returns. */
  private LimiterFromElsewhere busyWhenLookedAt(int limit, Runnable meanwhile) {
    AtomicBoolean looking = new AtomicBoolean();
    return new LimiterFromElsewhere(limit) {
      @Override
      public LimiterStats stats() {
        looks.incrementAndGet();
        if (looking.compareAndSet(false, true)) {
          Background.virtual(
                  () -> {
                    meanwhile.run();
                    return true;
                  })
              .result();
          looking.set(false);
        }
        return super.stats();
      }
    };
  }

  @Test
  void stats_askAPartWithoutTheLock() {
    Limiter[] all = new Limiter[1];
    Limiter part = busyWhenLookedAt(3, () -> all[0].close());
    all[0] = Limiter.allOf(part, AsyncSemaphore.of(5));
    LimiterStats stats = all[0].stats();
    assertEquals(3, stats.limit());
    assertEquals(3, stats.available());
    assertTrue(looks.get() > 0);
  }

  @Test
  void requestsInLine_areEnteredAndRefusedWithoutALookUnderTheLock() throws Exception {
    Limiter[] all = new Limiter[1];
    LimiterFromElsewhere part = busyWhenLookedAt(2, () -> all[0].acquireAsync().cancel(true));
    all[0] = CompositeLimiter.of(time, part, AsyncSemaphore.of(5));
    Permit held = part.acquire(2);
    CompletableFuture<Permit> first = all[0].acquireAsync();
    CompletableFuture<Permit> second = all[0].acquireAsync(1, MINUTE);
    assertEquals(Optional.empty(), all[0].tryAcquire());
    assertThrows(IllegalArgumentException.class, () -> all[0].acquireAsync(3));
    assertThrows(IllegalArgumentException.class, () -> all[0].tryAcquire(3));
    time.advance(MINUTE.plusSeconds(1));
    assertInstanceOf(
        LimiterTimeoutException.class,
        assertThrows(ExecutionException.class, second::get).getCause());
    assertFalse(first.isDone());
    held.close();
    first.get(1, TimeUnit.MINUTES).close();
    assertTrue(looks.get() > 0);
    assertEquals(2, part.inside.available());
  }

  @Test
  void eviction_asksTheLimiterOfAKeyWithoutALock() {
    AtomicReference<KeyedLimiter<String>> keyed = new AtomicReference<>();
    AtomicBoolean evictedMeanwhile = new AtomicBoolean();
    KeyedLimiter<String> keys =
        KeyedLimiter.<String>builder(
                key -> busyWhenLookedAt(1, () -> evictedMeanwhile.set(keyed.get().evictOne())))
            .build(time);
    keyed.set(keys);
    comeAndGo(keys);
    assertFalse(keys.evictOne(), "somebody else did");
    assertTrue(evictedMeanwhile.get());
    assertEquals(0, keys.keys());
  }

  @Test
  void acquireWhileAnIdleKeyIsLookedAt_keepsIt() {
    acquireWhileLookedAt(builder -> builder);
  }

  @Test
  void acquireWhileAnIdleKeyUnderAGlobalLimiterIsLookedAt_keepsIt() {
    acquireWhileLookedAt(builder -> builder.global(AsyncSemaphore.of(9)));
  }

  private void acquireWhileLookedAt(UnaryOperator<KeyedLimiter.Builder<String>> kind) {
    AtomicInteger made = new AtomicInteger();
    AtomicReference<KeyedLimiter<String>> keyed = new AtomicReference<>();
    KeyedLimiter.Builder<String> builder =
        KeyedLimiter.builder(key -> {
          made.incrementAndGet();
          return busyWhenLookedAt(1, () -> comeAndGo(keyed.get()));
        });
    keyed.set(kind.apply(builder).build(time));
    comeAndGo(keyed.get());
    assertFalse(keyed.get().evictOne(), "somebody came and went meanwhile");
    comeAndGo(keyed.get());
    assertEquals(1, made.get());
    assertTrue(looks.get() > 0);
  }

  private static void comeAndGo(KeyedLimiter<String> keys) {
    keys.forKey("a").tryAcquire().orElseThrow().close();
  }

  @Test
  void idleKeyOfALimiterFromElsewhere_isEvictedAndClosed() {
    LimiterFromElsewhere part = new LimiterFromElsewhere(1);
    KeyedLimiter<String> keys = KeyedLimiter.<String>builder(key -> part).build(time);
    keys.forKey("a").tryAcquire().orElseThrow().close();
    assertTrue(keys.evictOne());
    assertEquals(0, keys.keys());
    assertTrue(part.inside.isClosed());
  }

  @Test
  void keyWhoseLimiterFails_keepsNoOtherFromBeingEvicted() {
    KeyedLimiter<Integer> keys =
        KeyedLimiter.<Integer>builder(key ->
                new LimiterFromElsewhere(1) {
                  @Override
                  public LimiterStats stats() {
                    if (key == 5) {
                      throw new IllegalStateException("broken");
                    }
                    return super.stats();
                  }
                })
            .build(time);
    for (int key = 0; key < 10; key++) {
      keys.forKey(key).tryAcquire().orElseThrow().close();
    }
    assertThrows(IllegalStateException.class, keys::sweep);
    assertThrows(IllegalStateException.class, keys::sweep);
    assertEquals(1, keys.keys());
  }

  @Test
  void partThatCompletesItsFuturesUnderItsOwnLock_deadlocksNobody() throws Exception {
    LimiterFromElsewhere part =
        new LimiterFromElsewhere(1) {
          @Override
          public synchronized LimiterStats stats() {
            return super.stats();
          }

          @Override
          public synchronized CompletableFuture<Permit> acquireAsync(int weight) {
            return super.acquireAsync(weight);
          }

          @Override
          public synchronized Optional<Permit> tryAcquire(int weight) {
            return super.tryAcquire(weight);
          }
        };
    AsyncSemaphore places = AsyncSemaphore.of(1);
    Limiter all = Limiter.allOf(part, places);
    AtomicBoolean done = new AtomicBoolean();
    Background<Boolean> onlooker =
        Background.platform(() -> {
          while (!done.get()) {
            assertTrue(all.stats().limit() == 1);
          }
          return true;
        });
    for (int i = 0; i < 2_000; i++) {
      Permit held = part.inside.acquire();
      CompletableFuture<Permit> request = all.acquireAsync();
      synchronized (part) { // as a simple implementation would
        held.close();
      }
      request.get(1, TimeUnit.MINUTES).close();
    }
    done.set(true);
    onlooker.result();
  }

  @Test
  void partThatFailsToTakeBack_failsTheFirstInLineAndHoldsUpNobody() throws Exception {
    AtomicInteger closed = new AtomicInteger();
    IllegalStateException broken = new IllegalStateException("not taken back");
    LimiterFromElsewhere part =
        new LimiterFromElsewhere(5) {
          @Override
          public Optional<Permit> tryAcquire(int weight) {
            return super.tryAcquire(weight)
                .map(permit ->
                    afterClose(
                        permit,
                        () -> {
                          if (closed.incrementAndGet() == 2) {
                            throw broken;
                          }
                        }));
          }
        };
    RateLimiter rate = RateLimiter.builder(1, MINUTE).build(time); // asked last
    AsyncSemaphore places = AsyncSemaphore.of(3); // given back last
    Limiter all = CompositeLimiter.of(time, places, part, rate);
    rate.acquire().close();
    CompletableFuture<Permit> first = all.acquireAsync(); // once in passing, once in line
    assertSame(broken, assertThrows(ExecutionException.class, first::get).getCause());
    CompletableFuture<Permit> second = all.acquireAsync();
    assertFalse(second.isDone());
    time.advance(MINUTE);
    second.get(1, TimeUnit.MINUTES).close();
    assertEquals(5, part.inside.available());
    assertEquals(3, places.available());
    assertEquals(0, all.stats().waiting());
  }

  private static Permit afterClose(Permit permit, Runnable action) {
    return new Permit() {
      @Override
      public int weight() {
        return permit.weight();
      }

      @Override
      public void close() {
        permit.close();
        action.run();
      }
    };
  }
}
