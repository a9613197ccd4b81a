package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import dev.bouncer.law.Eventually.Background;
import dev.bouncer.redis.server.RealRedis;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Several machines, as connections of their own, over a real Redis that fails on purpose. */
class RedisSemaphoreTest {
  private static final Duration GRACE = Duration.ofSeconds(2);

  private static final AtomicInteger NAMES = new AtomicInteger();

  private static RealRedis shared;

  private final String name = "api-" + NAMES.incrementAndGet();
  private final List<AutoCloseable> open = new ArrayList<>();
  private RealRedis redis = shared;

  @BeforeAll
  static void start() {
    shared = RealRedis.start().awaitUptime(2);
  }

  @AfterAll
  static void stop() {
    shared.close();
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
  }

  /** For a test that kills its server. */
  private void useOwnRedis() {
    redis = RealRedis.start();
    open.addFirst(redis);
  }

  private RedisConnection connection() {
    RedisConnection connection = RedisSemaphore.connect(redis.uri());
    open.add(connection);
    return connection;
  }

  private RedisSemaphore machine(int limit) {
    return connection().builder(name, limit).grace(GRACE).strictFifo(true).build();
  }

  @Test
  void twoMachines_oneLimit_handOverInOrderWithGrowingTokens() throws Exception {
    RedisSemaphore one = machine(1);
    RedisSemaphore two = machine(1);
    LeasedPermit held = one.acquire();
    CompletableFuture<Permit> second = two.acquireAsync();
    eventually("the second stands in Redis's line", two::isQuiet);
    CompletableFuture<Permit> third = one.acquireAsync();
    eventually("the third stands in Redis's line", one::isQuiet);
    assertTrue(held.isValid());
    assertEquals(Optional.empty(), two.tryAcquire());
    held.close();
    LeasedPermit next = (LeasedPermit) second.get(1, TimeUnit.MINUTES);
    assertFalse(third.isDone());
    assertTrue(next.fencingToken() > held.fencingToken());
    assertFalse(held.isValid(), "given back");
    next.close();
    third.get(1, TimeUnit.MINUTES).close();
  }

  @Test
  void setLimit_onOneMachine_countsForAll() throws Exception {
    RedisSemaphore one = machine(1);
    RedisSemaphore two = machine(1);
    Permit held = one.acquire();
    CompletableFuture<Permit> waits = two.acquireAsync();
    eventually("it stands in line", two::isQuiet);
    one.setLimit(2);
    waits.get(1, TimeUnit.MINUTES).close();
    eventually("the other one knows", () -> two.limit() == 2);
    one.setLimit(0);
    eventually("the limit is zero", one::isQuiet);
    assertEquals(Optional.empty(), two.tryAcquire());
    held.close();
    one.setLimit(1);
    two.tryAcquire(Duration.ofMinutes(1)).orElseThrow().close();
  }

  @Test
  void limitPolicy_keepOrReplace() throws Exception {
    machine(3).acquire().close();
    RedisSemaphore keeps = machine(7);
    keeps.acquire().close();
    assertEquals(3, keeps.limit());
    RedisSemaphore replaces =
        connection().builder(name, 7).limitPolicy(LimitPolicy.REPLACE).build();
    replaces.acquire().close();
    assertEquals(7, replaces.limit());
    keeps.acquire().close();
    assertEquals(7, keeps.limit());
  }

  @Test
  void close_givesThePlaceInLineAndTheSessionBack() throws Exception {
    RedisSemaphore one = machine(1);
    RedisSemaphore two = machine(1);
    Permit held = one.acquire();
    CompletableFuture<Permit> waits = two.acquireAsync();
    two.close();
    assertTrue(waits.isCompletedExceptionally() || waits.handle((_, f) -> f).get() != null);
    one.close();
    assertTrue(((LeasedPermit) held).isValid(), "held permits stay valid");
    held.close();
    eventually("Redis has forgotten both", () -> sessionsInRedis() == 0);
  }

  private int sessionsInRedis() {
    try {
      String count = redis.command("ZCARD", "bouncer:{" + name + "}:leases");
      return Integer.parseInt(count.replaceAll("\\D", ""));
    } catch (IOException broken) {
      throw new java.io.UncheckedIOException(broken);
    }
  }

  @Test
  void scriptFlush_goesOn() throws Exception {
    RedisSemaphore one = machine(1);
    one.acquire().close();
    redis.command("SCRIPT", "FLUSH");
    one.acquire().close();
  }

  @Test
  void flushAll_holderKeepsItsPermit_nobodyElseGetsOneMeanwhile() throws Exception {
    RedisSemaphore one = machine(1);
    RedisSemaphore two = machine(1);
    LeasedPermit held = one.acquire();
    CompletableFuture<Permit> waits = two.acquireAsync();
    eventually("it stands in line", two::isQuiet);
    redis.command("FLUSHALL");
    eventually("the holder is registered again", () -> used() == 1);
    assertTrue(held.isValid());
    assertFalse(waits.isDone());
    held.close();
    LeasedPermit next = (LeasedPermit) waits.get(1, TimeUnit.MINUTES);
    assertTrue(next.fencingToken() > held.fencingToken());
    assertFalse(held.lost().isDone());
  }

  private int used() {
    try {
      String answer = redis.command("HGET", "bouncer:{" + name + "}:state", "used");
      return answer.startsWith("$-1") ? 0 : Integer.parseInt(answer.split("\r\n", -1)[1]);
    } catch (IOException broken) {
      throw new java.io.UncheckedIOException(broken);
    }
  }

  @Test
  void redisRestartedEmpty_holderAndWaiterResumeInOrder() throws Exception {
    useOwnRedis();
    RedisSemaphore one = machine(1);
    RedisSemaphore two = machine(1);
    LeasedPermit held = one.acquire();
    CompletableFuture<Permit> waits = two.acquireAsync();
    eventually("it stands in line", two::isQuiet);
    redis.kill();
    redis.startAgain();
    eventually("the holder is known again, or told", () -> used() == 1 || held.lost().isDone());
    held.close();
    LeasedPermit next = (LeasedPermit) waits.get(1, TimeUnit.MINUTES);
    assertTrue(next.fencingToken() > held.fencingToken(), "tokens grow over the loss of all data");
    next.close();
  }

  @Test
  void redisGone_holdersLearnIt_waitersTimeOut_allResumesWhenItIsBack() throws Exception {
    useOwnRedis();
    RedisSemaphore one = machine(1);
    LeasedPermit held = one.acquire();
    CompletableFuture<String> lost = held.lost();
    CompletableFuture<Permit> patient = one.acquireAsync();
    redis.kill();
    assertEquals(Optional.empty(), one.tryAcquire(Duration.ofMillis(50)));
    assertTrue(lost.get(1, TimeUnit.MINUTES).contains("could not be reached"), lost.join());
    assertFalse(held.isValid());
    assertEquals(Optional.empty(), one.tryAcquire(), "not now, while Redis is away");
    assertFalse(patient.isDone());
    redis.startAgain();
    LeasedPermit after = (LeasedPermit) patient.get(1, TimeUnit.MINUTES);
    assertTrue(after.isValid());
    held.close(); // does nothing any more
    assertTrue(after.isValid());
    assertEquals(1, one.inUse());
    after.close();
  }

  @Test
  void connect_nobodyListens_saysSoInTime() throws Exception {
    int port = RealRedis.freePort();
    RedisUnavailableException refused =
        assertThrows(
            RedisUnavailableException.class,
            () -> RedisSemaphore.connect("redis://:secret@127.0.0.1:" + port));
    assertTrue(refused.getMessage().contains("127.0.0.1:" + port), refused.getMessage());
    assertFalse(refused.getMessage().contains("secret"), refused.getMessage());
    assertThrows(IllegalArgumentException.class, () -> RedisSemaphore.connect("http://x"));
  }

  @Test
  void connect_serverThatEvictsKeys_isRefused() throws Exception {
    useOwnRedis();
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    redis.command("CONFIG", "SET", "maxmemory", "100mb");
    RedisUnavailableException refused =
        assertThrows(RedisUnavailableException.class, () -> RedisSemaphore.connect(redis.uri()));
    assertTrue(refused.getMessage().contains("maxmemory-policy=allkeys-lru"), refused.toString());
  }

  @Test
  void builder_badValues_areRefused() {
    RedisConnection connection = connection();
    assertThrows(IllegalArgumentException.class, () -> connection.semaphore(" ", 1));
    assertThrows(IllegalArgumentException.class, () -> connection.semaphore("a{b}", 1));
    assertThrows(IllegalArgumentException.class, () -> connection.semaphore("a", -1));
    assertThrows(
        IllegalArgumentException.class,
        () -> connection.builder("a", 1).grace(Duration.ZERO).build());
    assertThrows(
        IllegalArgumentException.class,
        () -> connection.builder("a", 1).lease(Duration.ofSeconds(3)).build());
  }

  @Test
  void connectionsKilledAtRandom_neverTooManyInside_nothingIsLost() throws Exception {
    killConnections(30);
  }

  @Test
  @Tag("deep")
  void connectionsKilledAThousandTimes_neverTooManyInside_nothingIsLost() throws Exception {
    killConnections(1_000);
  }

  private void killConnections(int kills) throws Exception {
    int limit = 3;
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    AtomicInteger rounds = new AtomicInteger();
    AtomicInteger killed = new AtomicInteger();
    List<Background<Boolean>> threads = new ArrayList<>();
    for (int m = 0; m < 3; m++) {
      RedisSemaphore machine =
          connection().builder(name, limit).grace(GRACE).strictFifo(m != 0).build();
      for (int t = 0; t < 6; t++) {
        threads.add(
            Background.virtual(() -> {
              while (killed.get() < kills) {
                try (LeasedPermit permit = machine.acquire()) {
                  if (permit.isValid()) {
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    Thread.onSpinWait();
                    inside.decrementAndGet();
                  }
                  rounds.incrementAndGet();
                }
              }
              return true;
            }));
      }
    }
    int before = 0;
    while (killed.get() < kills) {
      int goal = before + 20;
      eventually("work goes on between kills", () -> rounds.get() >= goal);
      before = rounds.get();
      String type = killed.get() % 2 == 0 ? "pubsub" : "normal";
      redis.command("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes");
      killed.incrementAndGet();
    }
    threads.forEach(Background::result);
    assertTrue(most.get() <= limit, "most inside: " + most.get());
    eventually("all was given back", () -> used() == 0);
  }
}
