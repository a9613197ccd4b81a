package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class KeyedLimiterTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final ManualTiming time = new ManualTiming();
  private final AtomicInteger made = new AtomicInteger();

  private KeyedLimiter.Builder<String> perHost(int limit) {
    return KeyedLimiter.builder(host -> {
      made.incrementAndGet();
      return AsyncSemaphore.builder(limit).build(time);
    });
  }

  @Test
  void forKey_limitsEachKeyAlone() throws Exception {
    KeyedLimiter<String> keyed = perHost(1).build(time);
    Permit a = keyed.forKey("a").acquire();
    assertTrue(keyed.forKey("a").tryAcquire().isEmpty());
    Permit b = keyed.forKey("b").acquire();
    assertEquals(2, keyed.keys());
    assertEquals(1, keyed.stats().get("a").inUse());
    a.close();
    b.close();
    assertTrue(keyed.forKey("a").tryAcquire().isPresent());
    assertEquals(2, made.get());
  }

  @Test
  void idleKey_isEvictedAndComesBack() throws Exception {
    KeyedLimiter<String> keyed = perHost(1).build(time);
    Limiter a = keyed.forKey("a");
    a.acquire().close();
    time.advance(MINUTE);
    assertEquals(1, keyed.keys(), "it was used since the last sweep");
    time.advance(MINUTE);
    assertEquals(0, keyed.keys());
    assertEquals(0, time.alarmsSet(), "nobody looks at nothing");
    a.acquire().close();
    assertEquals(1, keyed.keys());
    assertEquals(2, made.get());
  }

  @Test
  void keyWithHoldersOrWaiters_isNeverEvicted() throws Exception {
    KeyedLimiter<String> keyed = perHost(1).build(time);
    Permit held = keyed.forKey("a").acquire();
    CompletableFuture<Permit> waits = keyed.forKey("a").acquireAsync();
    time.advance(MINUTE.multipliedBy(10));
    held.close();
    assertTrue(waits.isDone());
    time.advance(MINUTE.multipliedBy(10));
    assertEquals(1, keyed.keys());
    waits.get().close();
    assertEquals(1, made.get());
    time.advance(MINUTE.multipliedBy(2));
    assertEquals(0, keyed.keys());
  }

  @Test
  void rate_isEvictedOnlyWhenComplete() {
    KeyedLimiter<String> keyed =
        KeyedLimiter.<String>builder(key -> RateLimiter.builder(1, Duration.ofHours(1)).build(time))
            .build(time);
    assertTrue(keyed.forKey("a").tryAcquire().isPresent());
    time.advance(Duration.ofMinutes(59));
    assertTrue(keyed.forKey("a").tryAcquire().isEmpty(), "eviction would forget that it is spent");
    time.advance(Duration.ofMinutes(3));
    assertEquals(0, keyed.keys());
    assertTrue(keyed.forKey("a").tryAcquire().isPresent());
  }

  @Test
  void global_isHeldToo_andKeysTakeTurns() throws Exception {
    AsyncSemaphore global = AsyncSemaphore.of(2);
    KeyedLimiter<String> keyed = perHost(2).global(global).build(time);
    Permit one = keyed.forKey("busy").acquire();
    Permit two = keyed.forKey("busy").acquire();
    assertEquals(2, global.inUse());
    List<String> served = new CopyOnWriteArrayList<>();
    List<CompletableFuture<Permit>> requests = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      requests.add(ask(keyed, "busy", served));
    }
    requests.add(ask(keyed, "quiet", served));
    requests.add(ask(keyed, "calm", served));
    one.close();
    two.close();
    for (CompletableFuture<Permit> request : requests) {
      eventually("all were served", request::isDone);
    }
    assertTrue(served.indexOf("quiet") <= 4, "served as number " + served.indexOf("quiet"));
    assertTrue(served.indexOf("calm") <= 6, "served as number " + served.indexOf("calm"));
    eventually("all was given back", () -> global.inUse() == 0);
    eventually(
        "the keys are evicted",
        () -> {
          time.advance(MINUTE);
          return keyed.keys() == 0;
        });
    assertFalse(global.isClosed());
  }

  private static CompletableFuture<Permit> ask(
      KeyedLimiter<String> keyed, String key, List<String> served) {
    CompletableFuture<Permit> request = keyed.forKey(key).acquireAsync();
    request.thenAccept(permit -> {
      served.add(key);
      permit.close();
    });
    return request;
  }

  @Test
  void maxKeys_evictsAnIdleKeyOrRefuses() throws Exception {
    KeyedLimiter<String> keyed = perHost(1).maxKeys(2).build(time);
    Permit a = keyed.forKey("a").acquire();
    keyed.forKey("b").acquire().close();
    Permit c = keyed.forKey("c").acquire();
    assertEquals(2, keyed.keys());
    LimiterFullException full =
        assertThrows(LimiterFullException.class, () -> keyed.forKey("d").acquire());
    assertEquals("all keys are in use: key=d keys=2 maxKeys=2", full.getMessage());
    assertInstanceOf(
        LimiterFullException.class,
        assertThrows(ExecutionException.class, () -> keyed.forKey("d").acquireAsync().get())
            .getCause());
    a.close();
    assertTrue(keyed.forKey("d").tryAcquire().isPresent());
    c.close();
    assertEquals(2, keyed.keys());
  }

  @Test
  void maxKeys_twoWhoMakeTheSameKey_shareIt() throws Exception {
    CountDownLatch inFunction = new CountDownLatch(1);
    CountDownLatch second = new CountDownLatch(1);
    KeyedLimiter<String> keyed =
        KeyedLimiter.<String>builder(
                key -> {
                  if (made.getAndIncrement() == 0) {
                    inFunction.countDown();
                    await(second);
                  }
                  return AsyncSemaphore.of(2);
                })
            .maxKeys(1)
            .build(time);
    CompletableFuture<Permit> first =
        CompletableFuture.supplyAsync(
            () -> keyed.forKey("a").tryAcquire().orElseThrow(),
            action -> Thread.ofVirtual().start(action));
    await(inFunction);
    Permit mine = keyed.forKey("a").tryAcquire().orElseThrow();
    second.countDown();
    Permit theirs = first.get(30, TimeUnit.SECONDS);
    assertEquals(2, keyed.forKey("a").stats().inUse());
    assertThrows(LimiterFullException.class, () -> keyed.forKey("b").tryAcquire());
    mine.close();
    theirs.close();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(30, TimeUnit.SECONDS));
    } catch (InterruptedException unexpected) {
      throw new AssertionError(unexpected);
    }
  }

  @Test
  void lookingAtAKey_makesNone() {
    KeyedLimiter<String> keyed = perHost(3).build(time);
    Limiter key = keyed.forKey("a");
    assertEquals(3, key.stats().limit());
    assertEquals("semaphore", key.name());
    assertEquals("KeyLimiter[key=a idle]", key.toString());
    assertEquals(0, keyed.keys());
    keyed.close();
    assertEquals("KeyLimiter[key=a idle]", key.toString());
  }

  @Test
  void functionThatFails_leavesNoKeyBehind() {
    AtomicBoolean broken = new AtomicBoolean(true);
    KeyedLimiter<String> keyed =
        KeyedLimiter.<String>builder(
                key -> {
                  if (broken.get()) {
                    throw new IllegalStateException("no limiter for " + key);
                  }
                  return AsyncSemaphore.of(1);
                })
            .maxKeys(1)
            .build(time);
    assertThrows(IllegalStateException.class, () -> keyed.forKey("a").tryAcquire());
    assertEquals(0, keyed.keys());
    broken.set(false);
    assertTrue(keyed.forKey("b").tryAcquire().isPresent(), "the place was given back");
  }

  @Test
  void close_failsWaitersAndNewcomersOfAllKeys() throws Exception {
    AsyncSemaphore global = AsyncSemaphore.of(9);
    KeyedLimiter<String> keyed = perHost(1).global(global).build(time);
    Permit held = keyed.forKey("a").acquire();
    CompletableFuture<Permit> waits = keyed.forKey("a").acquireAsync();
    keyed.close();
    assertTrue(keyed.isClosed());
    assertInstanceOf(
        LimiterClosedException.class,
        assertThrows(ExecutionException.class, waits::get).getCause());
    assertThrows(LimiterClosedException.class, () -> keyed.forKey("a").acquire());
    assertThrows(LimiterClosedException.class, () -> keyed.forKey("new").tryAcquire());
    assertInstanceOf(
        LimiterClosedException.class,
        assertThrows(ExecutionException.class, () -> keyed.forKey("new").acquireAsync().get())
            .getCause());
    assertFalse(global.isClosed());
    held.close();
    assertEquals(0, global.inUse());
  }

  @Test
  void forgottenKeyedLimiter_isCollectedThoughASweepIsOnTheClock() {
    WeakReference<KeyedLimiter<String>> forgotten = new WeakReference<>(perHost(1).build());
    KeyedLimiter<String> used = forgotten.get();
    if (used != null) {
      assertEquals(Optional.empty(), used.forKey("a").tryAcquire().filter(permit -> false));
    }
    used = null;
    eventually(
        "it was collected",
        () -> {
          System.gc();
          return forgotten.refersTo(null);
        });
  }

  @Test
  void badArguments_areRefusedWithAClearMessage() {
    assertThrows(IllegalArgumentException.class, () -> perHost(1).maxKeys(0));
    assertThrows(IllegalArgumentException.class, () -> perHost(1).idleAfter(Duration.ZERO));
    assertThrows(NullPointerException.class, () -> perHost(1).global(null));
    assertThrows(NullPointerException.class, () -> perHost(1).build().forKey(null));
    KeyedLimiter<String> none = KeyedLimiter.perKey(key -> null);
    assertThrows(NullPointerException.class, () -> none.forKey("a").tryAcquire());
    assertEquals(Map.of(), none.stats());
  }

  /** Does something once when it is looked for in the table. */
  private static final class WatchedKey {
    private Runnable whenLookedFor = () -> {};

    @Override
    public int hashCode() {
      Runnable once = whenLookedFor;
      whenLookedFor = () -> {};
      once.run();
      return 1;
    }

    @Override
    public boolean equals(Object other) {
      return this == other;
    }
  }

  /** A limiter of a key equals the next one of that key, so only identity tells them apart. */
  @Test
  void keyThatComesBackWhileItIsBeingEvicted_staysInTheTable() {
    KeyedLimiter<WatchedKey> keyed =
        KeyedLimiter.<WatchedKey>builder(
                key -> {
                  made.incrementAndGet();
                  return AsyncSemaphore.builder(1).build(time);
                })
            .build(time);
    WatchedKey key = new WatchedKey();
    keyed.forKey(key).tryAcquire().orElseThrow().close();
    Limiter kept = keyed.forKey(key);
    AtomicInteger taken = new AtomicInteger();
    key.whenLookedFor = // the old limiter is closed, and about to be taken out
        () -> kept.tryAcquire().ifPresent(permit -> taken.addAndGet(permit.weight()));
    assertTrue(keyed.evictOne());
    assertEquals(1, taken.get());
    assertEquals(2, made.get());
    assertEquals(1, keyed.keys());
    assertEquals(1, kept.stats().inUse());
    assertTrue(kept.tryAcquire().isEmpty(), "two limiters at work");
    assertTrue(keyed.forKey(key).tryAcquire().isEmpty(), "two limiters at work");
  }

  @Test
  void limiterOfAKeyThatIsKept_goesWithTheKeyThroughEveryEviction() throws Exception {
    KeyedLimiter<String> keyed = perHost(2).build(time);
    Limiter handle = keyed.forKey("a");
    handle.acquire().close();
    Limiter entry = keyed.forKey("a");
    for (int evicted = 1; evicted <= 3; evicted++) {
      assertTrue(keyed.evictOne());
      Permit one = entry.acquire();
      Permit two = handle.tryAcquire().orElseThrow();
      assertTrue(keyed.forKey("a").tryAcquire().isEmpty(), "two limiters at work");
      assertTrue(entry.tryAcquire(Duration.ZERO).isEmpty(), "two limiters at work");
      CompletableFuture<Permit> third = entry.acquireAsync();
      assertFalse(third.isDone());
      one.close();
      third.get().close();
      two.close();
      assertEquals(0, keyed.forKey("a").stats().inUse());
      assertEquals(1 + evicted, made.get());
    }
    assertTrue(keyed.evictOne());
    entry.close();
    assertThrows(LimiterClosedException.class, handle::acquire);
    assertThrows(LimiterClosedException.class, () -> keyed.forKey("a").acquire());
    assertEquals(5, made.get(), "the one that was closed was the key's present one");
  }

  @Test
  void evictAgainstAcquire_neverTwoLimitersAtWork() throws Exception {
    evictAgainstAcquire(20_000, false);
    evictAgainstAcquire(5_000, true);
  }

  @Test
  @Tag("deep")
  void evictAgainstAcquire_aMillionRounds() throws Exception {
    evictAgainstAcquire(1_000_000, false);
    evictAgainstAcquire(200_000, true);
  }

  /** Two threads acquire the same key while a third evicts it as fast as it can. */
  private void evictAgainstAcquire(int rounds, boolean global) throws Exception {
    AtomicInteger limiters = new AtomicInteger();
    KeyedLimiter.Builder<String> builder =
        KeyedLimiter.builder(key -> {
          limiters.incrementAndGet();
          return AsyncSemaphore.of(1);
        });
    AsyncSemaphore shared = AsyncSemaphore.of(1_000);
    KeyedLimiter<String> keyed = (global ? builder.global(shared) : builder).build(time);
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    List<Background<Boolean>> acquirers = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      boolean asynchronous = t == 1;
      acquirers.add(
          Background.platform(() -> {
            Limiter key = keyed.forKey("key");
            while (done.get() < rounds || limiters.get() < rounds / 1_000) {
              Permit permit = asynchronous ? key.acquireAsync().join() : key.acquire();
              int now = inside.incrementAndGet();
              inside.decrementAndGet();
              permit.close();
              assertEquals(1, now, "two limiters at work");
              done.incrementAndGet();
            }
            return true;
          }));
    }
    Background<Boolean> evictor =
        Background.platform(() -> {
          while (acquirers.stream().anyMatch(acquirer -> acquirer.thread().isAlive())) {
            var _ = keyed.evictOne();
          }
          return true;
        });
    acquirers.forEach(Background::result);
    evictor.result();
    assertTrue(done.get() >= rounds);
    assertTrue(keyed.keys() <= 1);
    assertEquals(0, shared.inUse());
  }
}
