package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Keyed limiters with a global one above, combined with that, and with each other. */
class CombinedKeysTest {
  private static KeyedLimiter<String> under(Limiter global) {
    return KeyedLimiter.<String>builder(key -> AsyncSemaphore.of(1)).global(global).build();
  }

  private static Permit take(Limiter limiter) {
    return limiter.tryAcquire().orElseThrow();
  }

  @Test
  void globalBesideAKeyBelowIt_isTakenOnce() throws Exception {
    AsyncSemaphore global = AsyncSemaphore.of(2);
    AsyncSemaphore other = AsyncSemaphore.of(2);
    Limiter key = under(global).forKey("a");
    for (Limiter all :
        List.of(
            Limiter.allOf(key, global),
            Limiter.allOf(global, key),
            Limiter.allOf(Limiter.allOf(other, global), key),
            Limiter.allOf(global, Limiter.allOf(key, other)))) {
      Permit permit = take(all);
      assertEquals(1, global.inUse(), all.name());
      assertEquals(1, key.stats().inUse());
      permit.close();
      assertEquals(0, global.inUse());
      assertEquals(0, other.inUse());
    }
  }

  @Test
  void twoKeysBelowOneGlobal_takeItOnce() throws Exception {
    AsyncSemaphore global = AsyncSemaphore.of(1);
    Limiter host = under(global).forKey("host");
    Limiter tenant = under(global).forKey("tenant");
    Limiter all = Limiter.allOf(host, tenant);
    Permit permit = take(all);
    assertEquals(1, global.inUse());
    assertTrue(host.tryAcquire().isEmpty());
    permit.close();
    take(host).close();
    take(tenant).close();
    assertEquals(0, global.inUse());
  }

  @Test
  void keyBelowAKey_isTakenWithAllAboveIt_once() throws Exception {
    AsyncSemaphore global = AsyncSemaphore.of(1);
    Limiter tenant = under(global).forKey("tenant");
    Limiter user = under(tenant).forKey("user");
    Permit permit = take(Limiter.allOf(user, tenant, global));
    assertEquals(1, global.inUse());
    assertEquals(1, tenant.stats().inUse());
    permit.close();
    take(user).close();
    assertEquals(0, global.inUse());
  }

  @Test
  void keyInUseThroughAnotherCombination_isNotEvicted() throws Exception {
    AsyncSemaphore global = AsyncSemaphore.of(1);
    KeyedLimiter<String> hosts = under(global);
    KeyedLimiter<String> tenants = under(global);
    Permit permit = take(Limiter.allOf(hosts.forKey("a"), tenants.forKey("b")));
    assertTrue(!hosts.evictOne() && !tenants.evictOne(), "at work");
    assertEquals(1, hosts.keys());
    permit.close();
    assertTrue(hosts.evictOne() && tenants.evictOne(), "idle");
  }

  /**
   * Two places and two keys, each below one place and combined with the other one: whoever waited
   * for a place inside a key while it held the other place would wait for its like for ever.
   */
  @Test
  void crossedGlobals_inAnyMixAndOrder_neverDeadlock() throws Exception {
    AsyncSemaphore red = AsyncSemaphore.of(1);
    AsyncSemaphore blue = AsyncSemaphore.of(1);
    Limiter belowRed = under(red).forKey("a");
    Limiter belowBlue = under(blue).forKey("b");
    List<Limiter> kinds =
        List.of(
            Limiter.allOf(belowRed, blue),
            Limiter.allOf(red, belowBlue),
            Limiter.allOf(belowBlue, belowRed),
            Limiter.allOf(belowRed, red),
            Limiter.allOf(blue, red),
            belowRed,
            belowBlue);
    List<Background<Boolean>> threads = new ArrayList<>();
    for (int t = 0; t < 8; t++) {
      Random random = new Random(t);
      Limiter first = kinds.get(t % kinds.size());
      threads.add(
          Background.virtual(() -> {
            for (int i = 0; i < 500; i++) {
              Limiter limiter = i % 2 == 0 ? first : kinds.get(random.nextInt(kinds.size()));
              if (random.nextInt(4) == 0) {
                limiter.acquireAsync().thenAccept(Permit::close).join();
              } else {
                Permit permit = limiter.acquire();
                LockSupport.parkNanos(1); // the others come meanwhile
                permit.close();
              }
            }
            return true;
          }));
    }
    threads.forEach(Background::result);
    assertEquals(1, red.available());
    assertEquals(1, blue.available());
    assertEquals(0, red.waiting() + blue.waiting());
  }
}
