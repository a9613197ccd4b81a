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
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Replicas that take over without the last writes, and primaries that do not know it. */
@Tag("deep")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FailoverTest {
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LONG_GRACE = Duration.ofSeconds(8);
  private static final String NAME = "m";

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
  }

  private <T extends AutoCloseable> T opened(T closeable) {
    open.add(closeable);
    return closeable;
  }

  private RedisSemaphore machine(String uri, int limit, Duration grace) {
    RedisConnection connection = opened(RedisSemaphore.connect(uri));
    return connection.builder(NAME, limit).grace(grace).strictFifo(true).build();
  }

  @Test
  void promoted_twelveTimesUnderLoadWithLostWrites_neverTooManyAndTokensGrow() throws Exception {
    int limit = 3;
    RealRedis primary = opened(RealRedis.start());
    RealRedis replica = opened(RealRedis.start());
    replica.follow(primary.port());
    MovingAddress address = opened(new MovingAddress(primary.port()));
    Load load =
        new Load(
            limit,
            4,
            List.of(
                machine(address.uri(), limit, GRACE),
                machine(address.uri(), limit, GRACE),
                machine(address.uri(), limit, GRACE)));
    for (int times = 0; times < 12; times++) {
      load.awaitGrants(50);
      replica.promote();
      load.awaitGrants(50); // by the old primary: writes that the new one never sees
      assertTrue(
          replica.number(NAME, "fence") + 30 <= primary.number(NAME, "fence"),
          "lost grants; some that were counted came before");
      primary.kill();
      address.moveTo(replica.port());
      load.awaitGrants(50);
      primary.startAgain();
      primary.follow(replica.port());
      RealRedis former = primary;
      primary = replica;
      replica = former;
    }
    load.stopAndFindNothingLost();
    RealRedis last = primary;
    eventually("all was given back", () -> last.number(NAME, "used") == 0);
  }

  @Test
  void sentinelPromotes_threeTimesUnderLoad_neverTooManyAndAllResumes() throws Exception {
    int limit = 3;
    RealRedis primary = opened(RealRedis.start());
    RealRedis replica = opened(RealRedis.start());
    replica.follow(primary.port());
    RealRedis sentinel = opened(RealRedis.startSentinel("main", primary.port()));
    String uri = "redis-sentinel://127.0.0.1:" + sentinel.port() + "#main";
    Load load =
        new Load(
            limit,
            4,
            List.of(
                machine(uri, limit, GRACE),
                machine(uri, limit, GRACE),
                machine(uri, limit, GRACE)));
    for (int times = 0; times < 3; times++) {
      load.awaitGrants(50);
      RealRedis next = replica;
      eventually("the replica follows", () -> next.replicates("master_link_status:up"));
      eventually("Sentinel knows it", () -> sentinel.answers("slaves=1", "INFO", "sentinel"));
      primary.kill();
      eventually("Sentinel promotes it", () -> next.replicates("role:master"));
      load.awaitGrants(50);
      replica = primary;
      primary = next;
      replica.startAgain(); // Sentinel makes it a replica
    }
    load.stopAndFindNothingLost();
  }

  @Test
  void promotedWithoutTheLastGrant_theHolderKeepsItsPermit_nobodyElseHasOne() throws Exception {
    RealRedis primary = opened(RealRedis.start());
    RealRedis replica = opened(RealRedis.start());
    replica.follow(primary.port());
    MovingAddress address = opened(new MovingAddress(primary.port()));
    RedisSemaphore one = machine(address.uri(), 1, LONG_GRACE);
    one.acquire().close();
    eventually(
        "the replica has seen all",
        () -> replica.number(NAME, "used") == 0 && replica.number(NAME, "fence") > 0);
    replica.promote();
    LeasedPermit held = one.acquire();
    assertEquals(0, replica.number(NAME, "used"), "the replica never saw the grant");

    primary.kill();
    address.moveTo(replica.port());
    RedisSemaphore two = machine(address.uri(), 1, LONG_GRACE);
    CompletableFuture<Permit> waits = two.acquireAsync();
    eventually("the holder is known again", () -> replica.number(NAME, "used") == 1);
    eventually("the other one stands in line", () -> replica.number(NAME, "waiting") == 1);
    assertTrue(held.isValid());
    assertFalse(waits.isDone());
    held.close();
    LeasedPermit next = (LeasedPermit) waits.get(1, TimeUnit.MINUTES);
    assertTrue(next.fencingToken() > held.fencingToken());
    next.close();
    assertFalse(held.lost().isDone(), "nothing happened to it");
  }

  @Test
  void promotedWithoutTheLastGrantAndRequest_theHolderKeepsItsPermit_theWaiterJoinsAgain()
      throws Exception {
    RealRedis primary = opened(RealRedis.start());
    RealRedis replica = opened(RealRedis.start());
    replica.follow(primary.port());
    MovingAddress address = opened(new MovingAddress(primary.port()));
    RedisSemaphore one = machine(address.uri(), 1, LONG_GRACE);
    RedisSemaphore two = machine(address.uri(), 1, LONG_GRACE);
    one.acquire().close();
    two.acquire().close();
    eventually(
        "the replica has seen all",
        () -> replica.number(NAME, "used") == 0 && replica.number(NAME, "fence") > 0);
    eventually("nothing is on its way", () -> one.isQuiet() && two.isQuiet());
    replica.promote();
    LeasedPermit held = one.acquire();
    CompletableFuture<Permit> waits = two.acquireAsync();
    eventually("it stands in line", () -> primary.number(NAME, "waiting") == 1);
    assertEquals(0, replica.number(NAME, "used"), "the replica never saw the grant");
    assertEquals(0, replica.number(NAME, "waiting"), "nor the request");

    primary.kill();
    address.moveTo(replica.port());
    eventually("the holder is known again", () -> replica.number(NAME, "used") == 1);
    eventually("so is the waiter", () -> replica.number(NAME, "waiting") == 1);
    assertTrue(held.isValid());
    assertFalse(waits.isDone());
    held.close();
    LeasedPermit next = (LeasedPermit) waits.get(1, TimeUnit.MINUTES);
    assertTrue(next.fencingToken() > held.fencingToken());
    next.close();
    assertFalse(held.lost().isDone(), "nothing happened to it");
  }

  @Test
  void splitBrain_bothSidesGrant_andOnlyTheTokensTellWhichIsNewer() throws Exception {
    RealRedis primary = opened(RealRedis.start());
    RealRedis replica = opened(RealRedis.start());
    replica.follow(primary.port());
    RedisSemaphore oldSide = machine(primary.uri(), 1, GRACE);
    LeasedPermit held = oldSide.acquire();
    eventually("the replica knows it", () -> replica.number(NAME, "used") == 1);

    replica.promote(); // and whoever holds the permit does not hear of it
    RedisSemaphore newSide = machine(replica.uri(), 1, GRACE);
    LeasedPermit second = newSide.acquire();
    assertTrue(held.isValid() && second.isValid(), "two valid permits, as docs/redis.md says");
    assertTrue(second.fencingToken() > held.fencingToken());
    held.close();
    for (int i = 0; i < 100; i++) {
      try (LeasedPermit late = oldSide.acquire()) {
        assertTrue(
            late.fencingToken() < second.fencingToken(), "a resource refuses the old side's work");
      }
    }
  }

  @Test
  void splitBrain_primaryThatNeedsAReplica_oldSideStopsAlthoughItsPrimaryAnswers()
      throws Exception {
    RealRedis primary =
        opened(
            RealRedis.start(
                "--min-replicas-to-write",
                "1",
                "--min-replicas-max-lag",
                "1",
                "--repl-ping-replica-period",
                "1"));
    MovingAddress network = opened(new MovingAddress(primary.port()));
    RealRedis replica = opened(RealRedis.start());
    replica.follow(network.port());
    RedisSemaphore oldSide = machine(primary.uri(), 1, GRACE);
    LeasedPermit held = oldSide.acquire();

    network.fallSilent(); // between the two servers only
    replica.promote();
    RedisSemaphore newSide = machine(replica.uri(), 1, GRACE);
    assertTrue(held.lost().get(1, TimeUnit.MINUTES).contains("could not be reached"));
    assertFalse(held.isValid());
    assertTrue(primary.command("PING").startsWith("+PONG"), "its server lives");
    LeasedPermit second = newSide.acquire();
    assertEquals(Optional.empty(), oldSide.tryAcquire(), "the old side grants nothing any more");
    assertTrue(second.isValid());
    assertTrue(second.fencingToken() > held.fencingToken());
  }
}
