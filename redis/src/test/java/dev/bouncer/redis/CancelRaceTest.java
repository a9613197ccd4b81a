package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import dev.bouncer.law.Eventually.Background;
import dev.bouncer.redis.server.RealRedis;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Waiters that give up at the moment at which Redis grants. */
@Tag("deep")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CancelRaceTest {
  private static final String NAME = "m";
  private static final int LIMIT = 3;
  private static final int MACHINES = 3;
  private static final int CALLERS = 4;
  private static final int REQUESTS = 10_000;

  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicInteger inside = new AtomicInteger();
  private final AtomicInteger mostInside = new AtomicInteger();
  private final AtomicInteger granted = new AtomicInteger();
  private final AtomicInteger abandoned = new AtomicInteger();

  @Test
  void cancel_tenThousandTimesAtTheMomentOfTheGrant_losesNothing() throws Exception {
    race(true, CancelRaceTest::cancelled);
  }

  @Test
  void cancel_tenThousandTimesWithReuse_losesNothing() throws Exception {
    race(false, CancelRaceTest::cancelled);
  }

  @Test
  void timeout_tenThousandTimesAtTheMomentOfTheGrant_losesNothing() throws Exception {
    race(true, RedisSemaphore::tryAcquire);
  }

  /** One request that is given up after a time. */
  private interface Attempt {
    Optional<Permit> within(RedisSemaphore semaphore, Duration patience) throws Exception;
  }

  private static Optional<Permit> cancelled(RedisSemaphore semaphore, Duration patience) {
    CompletableFuture<Permit> future = semaphore.acquireAsync();
    LockSupport.parkNanos(patience.toNanos());
    return future.cancel(true) ? Optional.empty() : Optional.of(future.join());
  }

  private void race(boolean strict, Attempt attempt) throws Exception {
    try (RealRedis redis = RealRedis.start().awaitUptime(2)) {
      List<RedisConnection> connections = new ArrayList<>();
      List<RedisSemaphore> machines = new ArrayList<>();
      List<Background<Boolean>> callers = new ArrayList<>();
      for (int i = 0; i < MACHINES; i++) {
        connections.add(RedisSemaphore.connect(redis.uri()));
        machines.add(connections.getLast().builder(NAME, LIMIT).strictFifo(strict).build());
      }
      for (RedisSemaphore machine : machines) {
        for (int i = 0; i < CALLERS; i++) {
          callers.add(Background.virtual(() -> chase(machine, attempt)));
        }
      }
      for (Background<Boolean> caller : callers) {
        assertTrue(caller.thread().join(Duration.ofMinutes(4)), "a caller hangs");
        assertTrue(caller.result());
      }
      assertTrue(mostInside.get() <= LIMIT, "most inside: " + mostInside);
      assertEquals(REQUESTS, granted.get() + abandoned.get());
      // Each side of the race must have won often, or else there was none.
      assertTrue(granted.get() > REQUESTS / 20, "granted: " + granted);
      assertTrue(abandoned.get() > REQUESTS / 20, "abandoned: " + abandoned);
      List<Permit> all = new ArrayList<>();
      for (int i = 0; i < LIMIT; i++) {
        all.add(machines.get(i).acquireAsync().get(1, TimeUnit.MINUTES));
      }
      assertEquals(Optional.empty(), machines.getFirst().tryAcquire(), "more than the limit");
      all.forEach(Permit::close);
      eventually("all is given back", () -> redis.number(NAME, "used") == 0);
      assertEquals(0, redis.number(NAME, "waiting"));
      connections.forEach(RedisConnection::close);
    }
  }

  /** Waits a little longer after each defeat, a little shorter after each grant: a close race. */
  private boolean chase(RedisSemaphore machine, Attempt attempt) throws Exception {
    double patience = 1_000_000;
    while (asked.getAndIncrement() < REQUESTS) {
      Optional<Permit> permit = attempt.within(machine, Duration.ofNanos((long) patience));
      if (permit.isPresent()) {
        mostInside.accumulateAndGet(inside.incrementAndGet(), Math::max);
        granted.incrementAndGet();
        LockSupport.parkNanos(100_000); // the work
        inside.decrementAndGet();
        permit.get().close();
        patience = Math.max(patience * 0.9, 1_000);
      } else {
        abandoned.incrementAndGet();
        patience = Math.min(patience * 1.1, 1e9);
      }
    }
    return true;
  }
}
