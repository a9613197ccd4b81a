package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import dev.bouncer.redis.server.RealRedis;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A Redis that dies and loses its data, or does not, under machines that are at work. */
@Tag("deep")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ServerFailureTest {
  private static final Duration GRACE = Duration.ofSeconds(1);

  /** For a test in which a holder must not be late, however busy this machine is. */
  private static final Duration LONG_GRACE = Duration.ofSeconds(8);

  private static final String NAME = "m";
  private static final int LIMIT = 3;

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
  }

  private RealRedis redis(String... options) {
    RealRedis redis = RealRedis.start(options);
    open.add(redis);
    return redis;
  }

  private RedisSemaphore machine(RealRedis redis, int limit, Duration grace) {
    RedisConnection connection = RedisSemaphore.connect(redis.uri());
    open.add(connection);
    return connection.builder(NAME, limit).grace(grace).strictFifo(true).build();
  }

  private Load load(RealRedis redis) {
    return new Load(
        LIMIT,
        4,
        List.of(
            machine(redis, LIMIT, GRACE),
            machine(redis, LIMIT, GRACE),
            machine(redis, LIMIT, GRACE)));
  }

  @Test
  void restartedWithItsData_permitsSurvive_waitersKeepTheirOrder_tokensGoOn() throws Exception {
    RealRedis redis = redis("--appendonly", "yes");
    RedisSemaphore one = machine(redis, 1, LONG_GRACE);
    RedisSemaphore two = machine(redis, 1, LONG_GRACE);
    RedisSemaphore three = machine(redis, 1, LONG_GRACE);
    LeasedPermit held = one.acquire();
    CompletableFuture<Permit> second = two.acquireAsync();
    eventually("the second stands in line", () -> redis.number(NAME, "waiting") == 1);
    CompletableFuture<Permit> third = three.acquireAsync();
    eventually("the third stands in line", () -> redis.number(NAME, "waiting") == 2);

    long until = redis.number(NAME, "until");

    redis.kill();
    redis.startAgain();
    assertEquals(1, redis.number(NAME, "used"), "what was granted is on the disk");
    assertEquals(2, redis.number(NAME, "waiting"), "and who waits");

    eventually("somebody is back", () -> redis.number(NAME, "until") > until);
    eventually("so is the holder", held::isValid);
    assertFalse(second.isDone());
    held.close();
    LeasedPermit next = (LeasedPermit) second.get(1, TimeUnit.MINUTES);
    assertFalse(third.isDone());
    assertTrue(next.fencingToken() > held.fencingToken());
    next.close();
    LeasedPermit last = (LeasedPermit) third.get(1, TimeUnit.MINUTES);
    assertTrue(last.fencingToken() > next.fencingToken());
    last.close();
    assertFalse(held.lost().isDone(), "nothing happened to it");
  }

  @Test
  void restartedWithItsData_tenTimesUnderLoad_neverTooManyAndNothingLost() throws Exception {
    RealRedis redis = redis("--appendonly", "yes");
    Load load = load(redis);
    for (int times = 0; times < 10; times++) {
      load.awaitGrants(50);
      redis.kill();
      redis.startAgain();
    }
    load.awaitGrants(50);
    load.stopAndFindNothingLost();
    eventually("all was given back", () -> redis.number(NAME, "used") == 0);
  }

  @Test
  void restartedEmpty_tenTimesUnderLoad_neverTooManyAndNothingLost() throws Exception {
    RealRedis redis = redis();
    Load load = load(redis);
    for (int times = 0; times < 10; times++) {
      load.awaitGrants(50);
      redis.kill();
      redis.startAgain();
    }
    load.awaitGrants(50);
    load.stopAndFindNothingLost();
    eventually("all was given back", () -> redis.number(NAME, "used") == 0);
  }

  @Test
  void restartedEmpty_holdersAndWaitersOnEveryMachine_allAreServedInTheEnd() throws Exception {
    RealRedis redis = redis();
    List<RedisSemaphore> machines = new ArrayList<>();
    List<LeasedPermit> held = new ArrayList<>();
    List<CompletableFuture<Permit>> waiting = new ArrayList<>();
    for (int i = 0; i < LIMIT; i++) {
      machines.add(machine(redis, LIMIT, LONG_GRACE));
      held.add(machines.getLast().acquire());
    }
    for (RedisSemaphore machine : machines) {
      waiting.add(machine.acquireAsync());
      waiting.add(machine.acquireAsync());
    }
    eventually("all stand in line", () -> redis.number(NAME, "waiting") == 2 * LIMIT);

    redis.kill();
    redis.startAgain();
    eventually("the holders are known again", () -> redis.number(NAME, "used") == LIMIT);
    eventually("the waiters have joined again", () -> redis.number(NAME, "waiting") == 2 * LIMIT);
    assertTrue(waiting.stream().noneMatch(CompletableFuture::isDone));
    assertTrue(held.stream().allMatch(LeasedPermit::isValid));

    long highest = held.stream().mapToLong(LeasedPermit::fencingToken).max().orElseThrow();
    held.forEach(Permit::close);
    while (!waiting.isEmpty()) {
      CompletableFuture.anyOf(waiting.toArray(CompletableFuture[]::new)).get(1, TimeUnit.MINUTES);
      var sides = waiting.stream().collect(Collectors.partitioningBy(CompletableFuture::isDone));
      waiting = sides.getOrDefault(false, List.of());
      List<CompletableFuture<Permit>> served = sides.getOrDefault(true, List.of());
      assertTrue(served.size() <= LIMIT, "more than the limit: " + served);
      for (CompletableFuture<Permit> future : served) {
        LeasedPermit permit = (LeasedPermit) future.join();
        assertTrue(permit.fencingToken() > highest, "tokens grow over the loss of all data");
        permit.close();
      }
    }
    eventually("all was given back", () -> redis.number(NAME, "used") == 0);
  }

  @Test
  void flushAll_twentyTimesUnderLoad_neverTooManyAndNothingLost() throws Exception {
    RealRedis redis = redis();
    Load load = load(redis);
    for (int times = 0; times < 20; times++) {
      load.awaitGrants(50);
      redis.command("FLUSHALL");
    }
    load.awaitGrants(50);
    load.stopAndFindNothingLost();
    eventually("all was given back", () -> redis.number(NAME, "used") == 0);
  }

  @Test
  void scriptFlush_twoHundredTimesUnderLoad_nobodyNotices() throws Exception {
    RealRedis redis = redis();
    Load load = load(redis);
    for (int times = 0; times < 200; times++) {
      load.awaitGrants(20);
      redis.command("SCRIPT", "FLUSH");
    }
    load.awaitGrants(20);
    load.stopAndFindNothingLost();
    eventually("all was given back", () -> redis.number(NAME, "used") == 0);
  }

  @Test
  void paused_shorterAndLongerThanTheGrace_neverTooManyAndNothingLost() throws Exception {
    RealRedis redis = redis();
    Load load = load(redis);
    for (int times = 0; times < 6; times++) {
      load.awaitGrants(50);
      RealRedis.signal(redis.pid(), "STOP");
      long paused = System.nanoTime();
      long pause = GRACE.toNanos() * (times % 2 == 0 ? 1 : 6) / 2;
      eventually("the pause is over", () -> System.nanoTime() - paused >= pause);
      RealRedis.signal(redis.pid(), "CONT");
    }
    load.awaitGrants(50);
    load.stopAndFindNothingLost();
    eventually("all was given back", () -> redis.number(NAME, "used") == 0);
  }

  @Test
  void awayForLongerThanTheGrace_threeTimesUnderLoad_allResumesByItself() throws Exception {
    RealRedis redis = redis();
    Load load = load(redis);
    for (int times = 0; times < 3; times++) {
      load.awaitGrants(50);
      redis.kill();
      long away = System.nanoTime();
      eventually("longer than a grace", () -> System.nanoTime() - away > 2 * GRACE.toNanos());
      redis.startAgain();
    }
    load.awaitGrants(50);
    load.stopAndFindNothingLost();
  }

  @Test
  void refusesEveryWrite_holdersAreTold_andAllResumesWhenItDoesNot() throws Exception {
    RealRedis redis = redis();
    RedisSemaphore one = machine(redis, 1, GRACE);
    RedisSemaphore two = machine(redis, 1, GRACE);
    LeasedPermit held = one.acquire();
    CompletableFuture<Permit> waits = two.acquireAsync();
    eventually("it stands in line", () -> redis.number(NAME, "waiting") == 1);
    redis.command("CONFIG", "SET", "min-replicas-to-write", "1"); // and it has none
    held.lost().get(1, TimeUnit.MINUTES);
    assertFalse(held.isValid());
    assertFalse(waits.isDone());
    redis.command("CONFIG", "SET", "min-replicas-to-write", "0");
    LeasedPermit next = (LeasedPermit) waits.get(1, TimeUnit.MINUTES);
    assertTrue(next.fencingToken() > held.fencingToken());
    held.close();
    assertTrue(next.isValid());
    next.close();
    one.acquire().close();
  }
}
