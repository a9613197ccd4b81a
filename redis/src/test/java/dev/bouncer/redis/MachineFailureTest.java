package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import dev.bouncer.redis.server.RealRedis;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Machines that are killed and paused: JVMs of their own around a real Redis. */
@Tag("deep")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MachineFailureTest {
  private static final Duration GRACE = Duration.ofMillis(1_500);
  private static final Duration LEASE = Duration.ofSeconds(30);

  private final List<AutoCloseable> open = new ArrayList<>();
  private final RealRedis redis = RealRedis.start().awaitUptime(2);

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    redis.close();
  }

  private Machine machine(Duration lease) throws Exception {
    Machine machine = new Machine(redis.uri(), "m", GRACE, lease);
    open.add(machine);
    return machine;
  }

  private RedisSemaphore here(Duration lease) {
    RedisConnection connection = RedisSemaphore.connect(redis.uri());
    open.add(connection);
    return connection.builder("m", 1).grace(GRACE).lease(lease).strictFifo(true).build();
  }

  @Test
  void holderKilled_nextHasThePermitAfterTheGrace_withAHigherToken() throws Exception {
    RedisSemaphore here = here(LEASE);
    List<Long> millis = new ArrayList<>();
    for (int round = 0; round < 5; round++) {
      Machine holder = machine(LEASE);
      final long token = holder.awaitHeld();
      CompletableFuture<Permit> waits = here.acquireAsync();
      eventually("it stands in line", here::isQuiet);
      long killed = System.nanoTime();
      holder.signal("KILL");
      LeasedPermit permit = (LeasedPermit) waits.get(25, TimeUnit.SECONDS); // long before the lease
      millis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - killed));
      assertTrue(permit.fencingToken() > token);
      permit.close();
    }
    System.out.println("killed holder's permit usable again after ms: " + millis + " grace: 1500");
  }

  @Test
  void waitersKilled_headAndMiddle_theOthersAreServed() throws Exception {
    RedisSemaphore here = here(LEASE);
    Permit held = here.acquire();
    Machine head = machine(LEASE);
    awaitInLine(1, head);
    CompletableFuture<Permit> second = here.acquireAsync();
    eventually("it stands in line", here::isQuiet);
    Machine middle = machine(LEASE);
    awaitInLine(3, middle);
    Machine last = machine(LEASE);
    awaitInLine(4, last);
    head.signal("KILL");
    middle.signal("KILL");
    held.close();
    second.get(1, TimeUnit.MINUTES).close();
    last.awaitHeld();
  }

  @Test
  void headWaiterPaused_theNextIsServedAfterTheGrace_andItStandsInLineAgain() throws Exception {
    RedisSemaphore here = here(LEASE);
    Permit held = here.acquire();
    Machine head = machine(LEASE);
    awaitInLine(1, head);
    CompletableFuture<Permit> second = here.acquireAsync();
    eventually("it stands in line", here::isQuiet);
    head.signal("STOP");
    held.close();
    second.get(25, TimeUnit.SECONDS).close(); // long before the lease
    head.signal("CONT");
    head.awaitHeld();
  }

  @Test
  void middleWaiterPaused_thoseAroundItAreServed_andItStandsInLineAgain() throws Exception {
    RedisSemaphore here = here(LEASE);
    Permit held = here.acquire();
    CompletableFuture<Permit> first = here.acquireAsync();
    awaitWaiting(1);
    Machine middle = machine(LEASE);
    awaitInLine(2, middle);
    RedisSemaphore there = here(LEASE);
    CompletableFuture<Permit> last = there.acquireAsync();
    awaitWaiting(3);
    middle.signal("STOP");
    held.close();
    first.get(25, TimeUnit.SECONDS).close();
    last.get(25, TimeUnit.SECONDS).close(); // long before the lease
    assertFalse(middle.linesSoFar().stream().anyMatch(line -> line.startsWith("held")));
    middle.signal("CONT");
    middle.awaitHeld();
  }

  @Test
  void holderPaused_andKilledThen_nextHasThePermitAfterTheGrace() throws Exception {
    RedisSemaphore here = here(LEASE);
    Machine holder = machine(LEASE);
    long token = holder.awaitHeld();
    awaitAcknowledged();
    CompletableFuture<Permit> waits = here.acquireAsync();
    awaitWaiting(1);
    holder.signal("STOP");
    pass(GRACE.multipliedBy(2));
    assertFalse(waits.isDone(), "its connection lives: only the lease counts");
    holder.signal("KILL");
    LeasedPermit permit = (LeasedPermit) waits.get(25, TimeUnit.SECONDS); // before the lease
    assertTrue(permit.fencingToken() > token);
  }

  @Test
  void holderPausedShorterThanTheLease_keepsItsPermit() throws Exception {
    RedisSemaphore here = here(LEASE);
    Machine holder = machine(LEASE);
    holder.awaitHeld();
    awaitAcknowledged();
    CompletableFuture<Permit> waits = here.acquireAsync();
    holder.signal("STOP");
    pass(Duration.ofSeconds(4));
    assertFalse(waits.isDone());
    holder.signal("CONT");
    holder.awaitResumed(); // valid or not: Redis may have confirmed by now
    assertFalse(holder.linesSoFar().stream().anyMatch(line -> line.startsWith("lost")));
    holder.giveBack();
    holder.awaitLine("closed");
    waits.get(1, TimeUnit.MINUTES).close();
  }

  @Test
  void holderPausedLongerThanTheLease_learnsThatItLostThePermit() throws Exception {
    Duration lease = Duration.ofSeconds(5);
    RedisSemaphore here = here(lease);
    Machine holder = machine(lease);
    long token = holder.awaitHeld();
    awaitAcknowledged();
    CompletableFuture<Permit> waits = here.acquireAsync();
    holder.signal("STOP");
    LeasedPermit permit = (LeasedPermit) waits.get(1, TimeUnit.MINUTES);
    assertTrue(permit.fencingToken() > token);
    holder.signal("CONT");
    assertFalse(holder.awaitResumed(), "known before the code went on");
    holder.awaitLine("lost");
    assertTrue(permit.isValid());
  }

  /** Until then a grant has only a grace, so that a frozen waiter does not sit on it. */
  private void awaitAcknowledged() {
    eventually(
        "the holder has acknowledged its grant",
        () -> {
          try {
            return !redis.command("HGETALL", "bouncer:{m}:state").contains(";");
          } catch (java.io.IOException broken) {
            throw new java.io.UncheckedIOException(broken);
          }
        });
  }

  private void awaitInLine(int waiting, Machine machine) throws Exception {
    machine.awaitAsked();
    awaitWaiting(waiting);
  }

  private void awaitWaiting(int waiting) {
    eventually("so many wait: " + waiting, () -> redis.number("m", "waiting") == waiting);
  }

  /** A pause of this length is what the test is about. */
  private static void pass(Duration time) {
    long start = System.nanoTime();
    eventually("time has passed", () -> System.nanoTime() - start >= time.toNanos());
  }
}
