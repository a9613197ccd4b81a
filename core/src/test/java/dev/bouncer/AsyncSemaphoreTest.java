package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an {@link AsyncSemaphore} promises beyond the law of all limiters. */
class AsyncSemaphoreTest {
  private static final Duration LONG = Duration.ofHours(1);

  private final ManualTiming time = new ManualTiming();

  private AsyncSemaphore semaphore(int limit) {
    return AsyncSemaphore.builder(limit).name("api").build(time);
  }

  private static void assertNumbers(AsyncSemaphore semaphore, int limit, int inUse, int waiting) {
    assertEquals(limit, semaphore.limit(), semaphore::toString);
    assertEquals(inUse, semaphore.inUse(), semaphore::toString);
    assertEquals(limit - inUse, semaphore.available(), semaphore::toString);
    assertEquals(waiting, semaphore.waiting(), semaphore::toString);
  }

  // Making one.

  @Test
  void builder_badInput_isRefusedWithAClearMessage() {
    assertMessage("limit must not be negative: limit=-1", () -> AsyncSemaphore.of(-1));
    assertMessage(
        "maxWaiting must not be negative: maxWaiting=-2",
        () -> AsyncSemaphore.builder(1).maxWaiting(-2));
    assertMessage(
        "whenFull must be REJECT or DROP_OLDEST for a limiter: whenFull=BLOCK",
        () -> AsyncSemaphore.builder(1).whenFull(WhenFull.BLOCK));
    assertThrows(NullPointerException.class, () -> AsyncSemaphore.builder(1).name(null));
    assertThrows(NullPointerException.class, () -> AsyncSemaphore.builder(1).whenFull(null));
  }

  @Test
  void limitOfIntMax_worksAtBothEnds() throws Exception {
    AsyncSemaphore semaphore = semaphore(Integer.MAX_VALUE);
    Permit all = semaphore.acquire(Integer.MAX_VALUE);
    assertNumbers(semaphore, Integer.MAX_VALUE, Integer.MAX_VALUE, 0);
    assertTrue(semaphore.tryAcquire().isEmpty());
    semaphore.setLimit(0);
    assertNumbers(semaphore, 0, Integer.MAX_VALUE, 0);
    all.close();
    assertNumbers(semaphore, 0, 0, 0);
    semaphore.setLimit(Integer.MAX_VALUE);
    semaphore.tryAcquire(Integer.MAX_VALUE).orElseThrow().close();
    assertNumbers(semaphore, Integer.MAX_VALUE, 0, 0);
  }

  @Test
  void messages_nameTheLimiterAndItsNumbers() throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    assertEquals(
        "AsyncSemaphore[name=api limit=2 inUse=0 available=2 waiting=0]", semaphore.toString());
    assertMessage(
        "weight must not be above the limit: limiter=api weight=3 limit=2",
        () -> semaphore.acquire(3));
    assertMessage("weight must be at least 1: weight=0", () -> semaphore.tryAcquire(0));
    Permit both = semaphore.acquire(2);
    assertEquals("Permit[limiter=api weight=2]", both.toString());
    CompletableFuture<Permit> waiter = semaphore.acquireAsync(1, Duration.ofSeconds(3));
    assertEquals("acquireAsync[limiter=api, waiting]", waiter.toString());
    time.advance(Duration.ofSeconds(4));
    assertEquals(
        "no permit in time: limiter=api timeout=PT3S weight=1 limit=2 inUse=2 available=0 waiting=1",
        failure(waiter).getMessage());
    both.close();
    assertEquals("Permit[limiter=api weight=2 closed]", both.toString());
    semaphore.close();
    assertEquals(
        "AsyncSemaphore[name=api limit=2 inUse=0 available=2 waiting=0 closed]",
        semaphore.toString());
    assertMessage("the limiter is closed: limiter=api", semaphore::acquire);
  }

  @Test
  void parkedThread_showsTheSemaphoreAsItsBlocker() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit held = semaphore.acquire();
    Background<Permit> waiter = Background.platform(semaphore::acquire);
    eventually("it is parked", () -> LockSupport.getBlocker(waiter.thread()) != null);
    assertTrue(LockSupport.getBlocker(waiter.thread()).toString().contains("name=api"));
    held.close();
    waiter.result().close();
  }

  // Resizing.

  @Test
  void setLimit_raised_admitsExactlyThoseWhoFit() {
    AsyncSemaphore semaphore = semaphore(0);
    List<CompletableFuture<Permit>> waiters = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      waiters.add(semaphore.acquireAsync());
    }
    assertNumbers(semaphore, 0, 0, 5);
    semaphore.setLimit(3);
    assertNumbers(semaphore, 3, 3, 2);
    assertEquals(List.of(true, true, true, false, false), done(waiters));
    semaphore.setLimit(5);
    assertNumbers(semaphore, 5, 5, 0);
  }

  @Test
  void setLimit_lowered_revokesNothingAndAdmitsNobodyUntilItFits() throws Exception {
    AsyncSemaphore semaphore = semaphore(4);
    List<Permit> held = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      held.add(semaphore.acquire());
    }
    semaphore.setLimit(2);
    assertNumbers(semaphore, 2, 4, 0);
    CompletableFuture<Permit> waiter = semaphore.acquireAsync();
    held.removeLast().close();
    held.removeLast().close();
    assertNumbers(semaphore, 2, 2, 1);
    assertFalse(waiter.isDone());
    held.removeLast().close();
    assertTrue(waiter.isDone());
    assertNumbers(semaphore, 2, 2, 0);
  }

  @Test
  void setLimit_loweredThenRaisedWhileInUse_grantsNothingTwice() throws Exception {
    AsyncSemaphore semaphore = semaphore(2); // the scenario in which anyio lent 3 of 2
    Permit one = semaphore.acquire();
    Permit two = semaphore.acquire();
    CompletableFuture<Permit> waiter = semaphore.acquireAsync();
    semaphore.setLimit(1);
    semaphore.setLimit(2);
    assertFalse(waiter.isDone());
    assertNumbers(semaphore, 2, 2, 1);
    one.close();
    assertTrue(waiter.isDone());
    two.close();
    waiter.get().close();
    assertNumbers(semaphore, 2, 0, 0);
  }

  @Test
  void setLimit_belowAQueuedWeight_letsThoseBehindPassAndKeepsItsPlace() throws Exception {
    AsyncSemaphore semaphore = semaphore(5);
    Permit held = semaphore.acquire(5);
    CompletableFuture<Permit> heavy = semaphore.acquireAsync(4);
    CompletableFuture<Permit> heavier = semaphore.acquireAsync(5);
    CompletableFuture<Permit> light = semaphore.acquireAsync(2);
    semaphore.setLimit(3);
    assertNumbers(semaphore, 3, 5, 3);
    held.close();
    assertTrue(light.isDone(), "the impossible ones block nobody");
    assertEquals(List.of(false, false), done(List.of(heavy, heavier)));
    assertNumbers(semaphore, 3, 2, 2);
    semaphore.tryAcquire(1).orElseThrow().close();
    CompletableFuture<Permit> late = semaphore.acquireAsync(3);
    semaphore.setLimit(5);
    light.get().close();
    assertTrue(heavy.isDone(), "back at the head of the line");
    assertFalse(heavier.isDone());
    assertFalse(late.isDone());
    heavy.get().close();
    heavier.get().close();
    late.get().close();
    assertNumbers(semaphore, 5, 0, 0);
  }

  @Test
  void waitersThatSteppedAside_canGiveUpAndAreClosed() throws Exception {
    AsyncSemaphore semaphore = semaphore(5);
    Permit held = semaphore.acquire(5);
    CompletableFuture<Permit> first = semaphore.acquireAsync(4);
    CompletableFuture<Permit> second = semaphore.acquireAsync(4, LONG);
    CompletableFuture<Permit> third = semaphore.acquireAsync(4);
    CompletableFuture<Permit> fourth = semaphore.acquireAsync(4);
    CompletableFuture<Permit> light = semaphore.acquireAsync(2);
    semaphore.setLimit(3);
    assertNumbers(semaphore, 3, 5, 5);
    assertTrue(fourth.cancel(true));
    assertTrue(first.cancel(true));
    time.advance(LONG.multipliedBy(2));
    assertInstanceOf(TimeoutException.class, failure(second));
    assertNumbers(semaphore, 3, 5, 2);
    held.close();
    light.get().close();
    semaphore.close();
    assertInstanceOf(LimiterClosedException.class, failure(third));
    assertNumbers(semaphore, 3, 0, 0);
  }

  @Test
  void limitZero_letsWeightOneWaitAndRefusesMore() {
    AsyncSemaphore semaphore = semaphore(0);
    assertEquals(Optional.empty(), semaphore.tryAcquire());
    CompletableFuture<Permit> one = semaphore.acquireAsync();
    assertFalse(one.isDone());
    assertMessage(
        "weight must not be above the limit: limiter=api weight=2 limit=0",
        () -> semaphore.acquireAsync(2));
    semaphore.setLimit(1);
    assertTrue(one.isDone());
    assertMessage("limit must not be negative: limit=-7", () -> semaphore.setLimit(-7));
    assertNumbers(semaphore, 1, 1, 0);
  }

  @Test
  void setLimit_afterClose_staysClosed() {
    AsyncSemaphore semaphore = semaphore(1);
    semaphore.close();
    for (int limit : new int[] {0, 5, Integer.MAX_VALUE, 1}) {
      semaphore.setLimit(limit);
      assertTrue(semaphore.isClosed());
      assertThrows(LimiterClosedException.class, semaphore::tryAcquire);
    }
    assertNumbers(semaphore, 1, 0, 0);
  }

  // A bounded line.

  @Test
  void maxWaiting_reject_refusesTheNewcomer() throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.builder(1).name("api").maxWaiting(2).build(time);
    Permit held = semaphore.acquire();
    CompletableFuture<Permit> first = semaphore.acquireAsync();
    CompletableFuture<Permit> second = semaphore.acquireAsync();
    String message =
        "the line is full: limiter=api maxWaiting=2 limit=1 inUse=1 available=0 waiting=2";
    assertEquals(message, failure(semaphore.acquireAsync()).getMessage());
    assertEquals(
        message, assertThrows(LimiterFullException.class, semaphore::acquire).getMessage());
    assertThrows(LimiterFullException.class, () -> semaphore.tryAcquire(LONG));
    assertEquals(Optional.empty(), semaphore.tryAcquire());
    assertEquals(3, semaphore.stats().rejected());
    assertTrue(first.cancel(true));
    CompletableFuture<Permit> third = semaphore.acquireAsync();
    held.close();
    second.get().close();
    third.get().close();
    assertNumbers(semaphore, 1, 0, 0);
  }

  @Test
  void maxWaiting_dropOldest_refusesWhoeverWaitedLongest() throws Exception {
    AsyncSemaphore semaphore =
        AsyncSemaphore.builder(1).maxWaiting(1).whenFull(WhenFull.DROP_OLDEST).build(time);
    Permit held = semaphore.acquire();
    Background<Permit> first = Background.virtual(semaphore::acquire);
    eventually("it waits", () -> semaphore.waiting() == 1);
    CompletableFuture<Permit> second = semaphore.acquireAsync();
    assertInstanceOf(LimiterFullException.class, first.failure());
    CompletableFuture<Permit> third = semaphore.acquireAsync();
    assertInstanceOf(LimiterFullException.class, failure(second));
    assertEquals(2, semaphore.stats().rejected());
    assertEquals(1, semaphore.waiting());
    held.close();
    third.get().close();
    assertNumbers(semaphore, 1, 0, 0);
  }

  @Test
  void maxWaiting_dropOldest_admitsALighterOneBehindTheDropped() throws Exception {
    AsyncSemaphore semaphore =
        AsyncSemaphore.builder(3).maxWaiting(1).whenFull(WhenFull.DROP_OLDEST).build(time);
    Permit two = semaphore.acquire(2);
    CompletableFuture<Permit> heavy = semaphore.acquireAsync(3);
    CompletableFuture<Permit> light = semaphore.acquireAsync(1);
    assertInstanceOf(LimiterFullException.class, failure(heavy));
    assertTrue(light.isDone());
    light.get().close();
    two.close();
    assertNumbers(semaphore, 3, 0, 0);
  }

  @Test
  void maxWaitingZero_nobodyWaits() throws Exception {
    for (WhenFull whenFull : new WhenFull[] {WhenFull.REJECT, WhenFull.DROP_OLDEST}) {
      AsyncSemaphore semaphore =
          AsyncSemaphore.builder(1).maxWaiting(0).whenFull(whenFull).build(time);
      Permit held = semaphore.acquire();
      assertThrows(LimiterFullException.class, semaphore::acquire);
      held.close();
      semaphore.acquire().close();
      assertNumbers(semaphore, 1, 0, 0);
    }
  }

  // Time.

  @Test
  void asyncTimeouts_fireInOrderOfTheirDeadlinesAndNeverEarly() {
    AsyncSemaphore semaphore = semaphore(0);
    int[] delaysInMillis = {5_000, 1, 70, 3_600_000, 64, 63, 4_300, 90_000_000, 1, 65};
    List<CompletableFuture<Permit>> waiters = new ArrayList<>();
    for (int delay : delaysInMillis) {
      waiters.add(semaphore.acquireAsync(1, Duration.ofMillis(delay)));
    }
    long now = 0;
    for (long step : new long[] {0, 1, 61, 2, 1, 1, 5, 4_229, 700, 3_595_000, 86_400_000}) {
      time.advance(Duration.ofMillis(step));
      now += step;
      for (int i = 0; i < delaysInMillis.length; i++) {
        boolean due = now >= delaysInMillis[i] + 2;
        boolean early = now < delaysInMillis[i];
        assertTrue(!due || waiters.get(i).isDone(), "late: " + delaysInMillis[i] + " at " + now);
        assertTrue(!early || !waiters.get(i).isDone(), "early: " + delaysInMillis[i]);
      }
    }
    time.advance(Duration.ofMillis(5));
    assertNumbers(semaphore, 0, 0, 0);
    assertEquals(delaysInMillis.length, semaphore.stats().timedOut());
  }

  @Test
  void blockingTimeout_usesTheInjectedTime() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit held = semaphore.acquire();
    Background<Optional<Permit>> waiter = Background.virtual(() -> semaphore.tryAcquire(LONG));
    eventually("it waits", () -> semaphore.waiting() == 1 && time.timedParks() == 1);
    time.advance(LONG.minusNanos(1));
    assertEquals(1, semaphore.waiting());
    time.advance(Duration.ofNanos(1));
    assertEquals(Optional.empty(), waiter.result());
    assertEquals(1, semaphore.stats().timedOut());
    held.close();
    assertNumbers(semaphore, 1, 0, 0);
  }

  @Test
  void timedWaiters_thatAreGrantedOrCancelled_leaveTheWheelEmpty() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit held = semaphore.acquire();
    CompletableFuture<Permit> granted = semaphore.acquireAsync(1, LONG);
    CompletableFuture<Permit> cancelled = semaphore.acquireAsync(1, Duration.ofMillis(3));
    assertTrue(cancelled.cancel(true));
    held.close();
    time.advance(LONG.multipliedBy(3));
    granted.get().close();
    assertEquals(0, semaphore.stats().timedOut());
    assertEquals(1, semaphore.stats().cancelled());
    assertEquals(0, time.alarmsSet(), "no alarm is left");
  }

  @Test
  void manyTimedWaiters_shareOneAlarm() {
    AsyncSemaphore semaphore = semaphore(0);
    for (int i = 0; i < 10_000; i++) {
      var _ = semaphore.acquireAsync(1, LONG.plusSeconds(i));
    }
    assertEquals(1, time.alarmsSet());
    for (int i = 1; i < 1_000; i++) {
      var _ = semaphore.acquireAsync(1, LONG.minusSeconds(i)); // each earlier than all before
    }
    assertEquals(1, time.alarmsSet());
    for (int i = 0; i < 1_000; i++) {
      var _ = semaphore.acquireAsync(1, Duration.ofMillis(5));
      time.advance(Duration.ofMillis(10));
      assertEquals(1, time.alarmsSet(), "an alarm that rang is replaced by one");
    }
    assertEquals(1_000, semaphore.stats().timedOut());
  }

  @Test
  void nullByHand_isRefusedAndTheRequestStillStandsInLine() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit held = semaphore.acquire();
    CompletableFuture<Permit> waiter = semaphore.acquireAsync();
    assertThrows(NullPointerException.class, () -> waiter.completeExceptionally(null));
    assertThrows(NullPointerException.class, () -> waiter.obtrudeException(null));
    assertThrows(NullPointerException.class, () -> waiter.completeAsync(null));
    assertNumbers(semaphore, 1, 1, 1);
    held.close();
    waiter.get().close();
    assertNumbers(semaphore, 1, 0, 0);
  }

  @Test
  void callAsync_nextTaskThatWaitsForTheFirst_doesNotDeadlock() throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.of(1);
    CompletableFuture<String> stage = new CompletableFuture<>();
    CompletableFuture<String> first = semaphore.callAsync(() -> stage);
    CompletableFuture<String> second =
        semaphore.callAsync(() -> CompletableFuture.completedFuture(first.join() + " second"));
    stage.complete("first");
    assertEquals("first second", second.get(1, TimeUnit.MINUTES));
    assertNumbers(semaphore, 1, 0, 0);
  }

  @Test
  void stats_longestWait_isThatOfTheFirstInLine() {
    AsyncSemaphore semaphore = semaphore(0);
    assertEquals(Duration.ZERO, semaphore.stats().longestWait());
    CompletableFuture<Permit> first = semaphore.acquireAsync();
    time.advance(Duration.ofSeconds(7));
    var _ = semaphore.acquireAsync();
    time.advance(Duration.ofSeconds(1));
    assertEquals(8.0, semaphore.stats().longestWait().toMillis() / 1000.0, 0.01);
    first.cancel(true);
    assertEquals(1.0, semaphore.stats().longestWait().toMillis() / 1000.0, 0.01);
  }

  // From hand to hand.

  @Test
  void unitsHandedOver_letTheNextIntoWhatWasFreeBefore() throws Exception {
    AsyncSemaphore semaphore = semaphore(4);
    Permit lent = semaphore.acquire(1);
    Permit beside = semaphore.acquire(2);
    CompletableFuture<Permit> first = semaphore.acquireAsync(2);
    CompletableFuture<Permit> second = semaphore.acquireAsync(1);
    assertEquals(List.of(false, false), done(List.of(first, second)));
    beside.close();
    assertEquals(List.of(true, true), done(List.of(first, second)));
    assertNumbers(semaphore, 4, 4, 0);
    lent.close();
    first.get().close();
    second.get().close();
    assertNumbers(semaphore, 4, 0, 0);
    assertEquals(4, semaphore.stats().acquired());
  }

  @Test
  void unitsGivenBackWhileDraining_goToNobody() throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    Permit lent = semaphore.acquire();
    Permit beside = semaphore.acquire();
    CompletableFuture<Permit> waiter = semaphore.acquireAsync();
    Background<Boolean> drainer = Background.virtual(() -> semaphore.drain(LONG));
    eventually("it drains", () -> time.timedParks() == 1);
    beside.close();
    assertFalse(waiter.isDone());
    assertNumbers(semaphore, 2, 1, 1);
    lent.close();
    assertTrue(drainer.result());
    waiter.get().close();
    assertNumbers(semaphore, 2, 0, 0);
  }

  // Draining.

  @Test
  void drain_waitsUntilNothingIsInUseAndAdmitsNobodyMeanwhile() throws Exception {
    AsyncSemaphore semaphore = semaphore(3);
    Permit held = semaphore.acquire();
    Background<Boolean> drainer = Background.virtual(() -> semaphore.drain(LONG));
    eventually("it drains", () -> time.timedParks() == 1);
    assertEquals(Optional.empty(), semaphore.tryAcquire());
    CompletableFuture<Permit> waiter = semaphore.acquireAsync();
    assertFalse(waiter.isDone());
    held.close();
    assertTrue(drainer.result());
    assertTrue(waiter.isDone(), "admitted again afterwards");
    waiter.get().close();
    assertNumbers(semaphore, 3, 0, 0);
  }

  @Test
  void drain_timesOutOrIsInterrupted_admitsAgain() throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    Permit held = semaphore.acquire();
    assertFalse(semaphore.drain(Duration.ZERO));
    semaphore.tryAcquire().orElseThrow().close();
    Background<Boolean> drainer = Background.virtual(() -> semaphore.drain(LONG));
    eventually("it drains", () -> time.timedParks() == 1);
    CompletableFuture<Permit> waiter = semaphore.acquireAsync();
    assertFalse(waiter.isDone());
    drainer.thread().interrupt();
    assertInstanceOf(InterruptedException.class, drainer.failure());
    assertTrue(waiter.isDone());
    waiter.get().close();
    held.close();
    assertTrue(semaphore.drain(Duration.ZERO));
    assertNumbers(semaphore, 2, 0, 0);
  }

  @Test
  void drain_afterClose_waitsForHeldPermits() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit held = semaphore.acquire();
    semaphore.close();
    Background<Boolean> drainer = Background.platform(() -> semaphore.drain(LONG));
    eventually("it drains", () -> time.timedParks() == 1);
    held.close();
    assertTrue(drainer.result());
    assertTrue(semaphore.isClosed());
  }

  // Order on request only.

  @Test
  void unfair_newcomerMayOvertakeButNotForEver() throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.builder(2).fair(false).build(time);
    Permit one = semaphore.acquire();
    CompletableFuture<Permit> heavy = semaphore.acquireAsync(2);
    int overtaken = 0;
    while (overtaken < 1_000) {
      Optional<Permit> barged = semaphore.tryAcquire();
      if (barged.isEmpty()) {
        break;
      }
      overtaken++;
      barged.get().close();
    }
    assertTrue(overtaken > 0, "a free unit may be taken");
    assertTrue(overtaken < 1_000, "but not for ever");
    one.close();
    assertEquals(2, heavy.get().weight());
    heavy.get().close();
    semaphore.tryAcquire().orElseThrow().close();
    assertNumbers(semaphore, 2, 0, 0);
  }

  // A future that is completed past us.

  @Test
  void futureObtrudedBetweenGrantAndDelivery_passesItsPermitOn() throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    Permit both = semaphore.acquire(2);
    CompletableFuture<Permit> first = semaphore.acquireAsync();
    CompletableFuture<Permit> second = semaphore.acquireAsync();
    CompletableFuture<Permit> third = semaphore.acquireAsync();
    CompletableFuture<Void> obtrudes =
        first.thenAccept(permit -> {
          assertFalse(second.isDone(), "granted together, told one after the other");
          second.obtrudeException(new IllegalStateException("past us"));
        });
    both.close();
    obtrudes.get(1, TimeUnit.MINUTES);
    assertInstanceOf(IllegalStateException.class, failure(second));
    third.get(1, TimeUnit.MINUTES).close();
    first.get().close();
    assertNumbers(semaphore, 2, 0, 0);
  }

  // Counting.

  @Test
  void stats_countEveryWayOut() throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.builder(1).maxWaiting(1).name("api").build(time);
    Permit held = semaphore.acquire();
    semaphore.acquireAsync().cancel(true);
    var _ = semaphore.acquireAsync(1, Duration.ofMillis(1));
    assertThrows(LimiterFullException.class, semaphore::acquire);
    time.advance(Duration.ofMillis(5));
    held.close();
    semaphore.call(() -> 1);
    assertEquals(new LimiterStats("api", 1, 0, 1, 0, 2, 1, 1, 1, Duration.ZERO), semaphore.stats());
  }

  @ParameterizedTest
  @ValueSource(ints = {SemaphoreWord.TICKETS / 2, SemaphoreWord.TICKETS})
  void ticketsThatOverflow_areCountedOnAndGiveNothingBackTwice(int tickets) throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    Permit old = semaphore.acquire();
    old.close();
    semaphore.lendForTest(tickets - 3);
    for (int i = 0; i < 6; i++) {
      assertEquals(tickets - 2 + i * 2L, semaphore.stats().acquired());
      Permit lent = semaphore.acquire();
      Permit beside = semaphore.acquire();
      old.close();
      assertNumbers(semaphore, 2, 2, 0);
      lent.close();
      old.close();
      lent.close();
      beside.close();
      beside.close();
      assertNumbers(semaphore, 2, 0, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {SemaphoreWord.TICKETS / 2, SemaphoreWord.TICKETS})
  void acquired_whileAnOverflowIsNotYetCounted_isExact(int tickets) throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    semaphore.lendForTest(tickets - 1);
    semaphore.acquire().close();
    assertEquals(tickets, semaphore.stats().acquired());
    semaphore.forgetHalfForTest();
    assertEquals(tickets, semaphore.stats().acquired());
  }

  @Test
  void lentPermit_whoseTicketIsNotTheOneOfTheWord_givesNothingBack() throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    SemaphorePermit first = (SemaphorePermit) semaphore.acquire();
    // A second thread that closes the same permit and has looked at its mark too early: for it the
    // permit is still open, while another one is lent.
    SemaphorePermit stale = first.copyForTest();
    first.close();
    Permit lentNow = semaphore.acquire();
    stale.close();
    assertNumbers(semaphore, 2, 1, 0);
    lentNow.close();
    stale.close();
    assertNumbers(semaphore, 2, 0, 0);
  }

  @Test
  void lentPermit_closedWhileOthersComeAndGo_isGivenBackOnce() throws Exception {
    AsyncSemaphore semaphore = semaphore(3);
    Permit lent = semaphore.acquire();
    Permit beside = semaphore.acquire();
    CompletableFuture<Permit> heavy = semaphore.acquireAsync(3);
    lent.close();
    lent.close();
    assertNumbers(semaphore, 3, 1, 1);
    beside.close();
    beside.close();
    assertEquals(3, heavy.get().weight());
    lent.close();
    assertNumbers(semaphore, 3, 3, 0);
    heavy.get().close();
    assertNumbers(semaphore, 3, 0, 0);
    assertEquals(3, semaphore.stats().acquired());
  }

  @Test
  void callbackOfATimeout_mayUseTheSemaphore() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit held = semaphore.acquire();
    AtomicInteger reentered = new AtomicInteger();
    CompletableFuture<Object> handled =
        semaphore
            .acquireAsync(1, Duration.ofMillis(1))
            .handle((permit, timeout) -> {
              assertNull(permit);
              semaphore.setLimit(2);
              reentered.addAndGet(semaphore.tryAcquire().orElseThrow().weight());
              return timeout;
            });
    time.advance(Duration.ofMillis(3));
    assertInstanceOf(TimeoutException.class, handled.get());
    assertEquals(1, reentered.get());
    held.close();
    assertNumbers(semaphore, 2, 1, 0);
  }

  private static List<Boolean> done(List<CompletableFuture<Permit>> futures) {
    return futures.stream().map(CompletableFuture::isDone).toList();
  }

  private static Throwable failure(CompletableFuture<?> future) {
    assertTrue(future.isDone());
    return assertThrows(ExecutionException.class, future::get).getCause();
  }

  private static void assertMessage(
      String message, org.junit.jupiter.api.function.Executable executable) {
    assertEquals(message, assertThrows(RuntimeException.class, executable).getMessage());
  }
}
