package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import dev.bouncer.law.Eventually.Background;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Callers on several machines that work under one limit without a break while somebody breaks
 * Redis, and an auditor that looks all the time whether more permits than the limit are valid, or a
 * token does not grow.
 */
final class Load {
  private final int limit;
  private final List<RedisSemaphore> machines;
  private final List<Background<Boolean>> threads = new ArrayList<>();

  /** Permits in callers' hands. */
  private final Set<LeasedPermit> held = ConcurrentHashMap.newKeySet();

  private final Set<Long> tokens = ConcurrentHashMap.newKeySet();
  private final AtomicLong highestToken = new AtomicLong();
  private final AtomicLong grants = new AtomicLong();
  private final Queue<String> violations = new ConcurrentLinkedQueue<>();
  private volatile boolean stopping;

  /**
   * Starts the callers.
   *
   * @param machines semaphores of one name, each on a connection of its own, all with strictFifo
   */
  Load(int limit, int callersPerMachine, List<RedisSemaphore> machines) {
    this.limit = limit;
    this.machines = List.copyOf(machines);
    threads.add(Background.platform(this::auditUntilStopped));
    for (RedisSemaphore machine : machines) {
      for (int caller = 0; caller < callersPerMachine; caller++) {
        Random random = new Random(threads.size());
        threads.add(Background.virtual(() -> workUntilStopped(machine, random)));
      }
    }
  }

  private boolean workUntilStopped(RedisSemaphore machine, Random random)
      throws InterruptedException {
    while (!stopping) {
      long before = highestToken.get(); // of a permit that was granted before this one is asked for
      try (LeasedPermit permit = machine.acquire()) {
        held.add(permit);
        judgeToken(permit.fencingToken(), before);
        grants.incrementAndGet();
        audit();
        if (random.nextInt(8) == 0) {
          LockSupport.parkNanos(random.nextLong(20_000_000)); // the work: some is in hand always
        }
        held.remove(permit);
      }
    }
    return true;
  }

  private void judgeToken(long token, long before) {
    if (token <= before) {
      violations.add("token did not grow: token=" + token + " before=" + before);
    }
    if (!tokens.add(token)) {
      violations.add("token was given twice: token=" + token);
    }
    highestToken.accumulateAndGet(token, Math::max);
  }

  private boolean auditUntilStopped() {
    while (!stopping) {
      audit();
      LockSupport.parkNanos(200_000);
    }
    return true;
  }

  /** Permits seen valid one after the other, and then all once more, were so at one moment. */
  private void audit() {
    List<LeasedPermit> valid = held.stream().filter(LeasedPermit::isValid).toList();
    if (valid.size() > limit && valid.stream().allMatch(LeasedPermit::isValid)) {
      violations.add("more valid permits than the limit: limit=" + limit + " permits=" + valid);
    }
  }

  long highestToken() {
    return highestToken.get();
  }

  /** Waits until work goes on: so many more permits were granted. */
  void awaitGrants(int more) {
    long goal = grants.get() + more;
    eventually("work goes on", () -> grants.get() >= goal || !violations.isEmpty());
    assertEquals(List.of(), List.copyOf(violations));
  }

  /** Ends the callers; then nothing is in use and the whole limit can be had. */
  void stopAndFindNothingLost() throws Exception {
    stopping = true;
    threads.forEach(Background::result);
    assertEquals(List.of(), List.copyOf(violations));
    List<Permit> all = new ArrayList<>();
    for (int i = 0; i < limit; i++) {
      all.add(machines.get(i % machines.size()).acquireAsync().get(1, TimeUnit.MINUTES));
    }
    for (RedisSemaphore machine : machines) {
      assertEquals(Optional.empty(), machine.tryAcquire(), "more than the limit");
    }
    all.forEach(Permit::close);
    assertTrue(grants.get() > 0);
  }
}
