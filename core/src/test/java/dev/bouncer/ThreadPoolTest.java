package dev.bouncer;

import static dev.bouncer.Latches.await;
import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(value = 120, unit = TimeUnit.SECONDS)
class ThreadPoolTest {
  /** Where the threads come from. */
  enum Threads {
    VIRTUAL,
    PLATFORM;

    ThreadPool.Builder builder(int maxWorkers) {
      var builder = ThreadPool.builder().maxWorkers(maxWorkers).name("calls");
      return this == PLATFORM ? builder.platformThreads() : builder;
    }
  }

  /** Occupies workers until it is opened. */
  private static final class Gate {
    private final CountDownLatch open = new CountDownLatch(1);
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicInteger interrupted = new AtomicInteger();

    int pass() throws InterruptedException {
      inside.incrementAndGet();
      try {
        open.await();
        return 1;
      } catch (InterruptedException e) {
        interrupted.incrementAndGet();
        throw e;
      } finally {
        inside.decrementAndGet();
      }
    }

    void open() {
      open.countDown();
    }

    void awaitInside(int tasks) {
      eventually(tasks + " tasks inside", () -> inside.get() == tasks);
    }
  }

  // How many run.

  @ParameterizedTest
  @EnumSource
  void submit_moreTasksThanWorkers_neverMoreThanMaxWorkersRun(Threads threads) throws Exception {
    var running = new AtomicInteger();
    var most = new AtomicInteger();
    try (var pool = threads.builder(3).build()) {
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        int input = i;
        futures.add(
            pool.submit(() -> {
              most.accumulateAndGet(running.incrementAndGet(), Math::max);
              LockSupport.parkNanos(1);
              running.decrementAndGet();
              return input;
            }));
      }
      for (int i = 0; i < 200; i++) {
        assertEquals(i, futures.get(i).get());
      }
    }
    assertTrue(most.get() <= 3, "most at once: " + most);
  }

  @Test
  void submit_allWorkersBusy_holdsNoThreadForTheRest() throws Exception {
    var threads = ConcurrentHashMap.<Thread>newKeySet();
    ThreadFactory factory =
        work -> {
          Thread thread = Thread.ofVirtual().unstarted(work);
          threads.add(thread);
          return thread;
        };
    var gate = new Gate();
    try (var pool = ThreadPool.builder().maxWorkers(2).threadFactory(factory).build()) {
      List<CompletableFuture<Integer>> futures = new ArrayList<>();
      for (int i = 0; i < 10_000; i++) {
        futures.add(pool.submit(gate::pass));
      }
      gate.awaitInside(2);
      assertEquals(2, threads.size());
      assertEquals(2, pool.stats().running());
      assertEquals(9_998, pool.stats().queued());
      gate.open();
      for (var future : futures) {
        future.get();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void submit_oneWorker_runsInTheOrderOfSubmission(Threads threads) {
    var order = new ArrayList<Integer>();
    try (var pool = threads.builder(1).build()) {
      for (int i = 0; i < 1_000; i++) {
        int input = i;
        pool.execute(() -> order.add(input));
      }
    }
    for (int i = 0; i < 1_000; i++) {
      assertEquals(i, order.get(i));
    }
  }

  @Test
  void setMaxWorkers_raised_startsQueuedTasksAtOnce() throws Exception {
    var gate = new Gate();
    try (var pool = ThreadPool.of(1)) {
      for (int i = 0; i < 5; i++) {
        pool.submit(gate::pass);
      }
      gate.awaitInside(1);
      pool.setMaxWorkers(4);
      assertEquals(4, pool.maxWorkers());
      gate.awaitInside(4);
      assertEquals(1, pool.stats().queued());
      gate.open();
    }
  }

  @ParameterizedTest
  @EnumSource
  void setMaxWorkers_lowered_letsRunningTasksEndAndStartsNoMore(Threads threads) throws Exception {
    var first = new Gate();
    var second = new Gate();
    try (var pool = threads.builder(3).build()) {
      var running =
          List.of(pool.submit(first::pass), pool.submit(first::pass), pool.submit(first::pass));
      pool.submit(second::pass);
      pool.submit(second::pass);
      first.awaitInside(3);
      pool.setMaxWorkers(1);
      first.open();
      for (var future : running) {
        assertEquals(1, future.get());
      }
      second.awaitInside(1);
      assertEquals(1, pool.stats().queued());
      second.open();
    }
    assertEquals(0, second.inside.get());
  }

  @Test
  void setMaxWorkers_belowOne_isRefusedAndChangesNothing() {
    try (var pool = ThreadPool.of(2)) {
      var thrown = assertThrows(IllegalArgumentException.class, () -> pool.setMaxWorkers(0));
      assertEquals("maxWorkers must be at least 1: maxWorkers=0", thrown.getMessage());
      assertEquals(2, pool.maxWorkers());
    }
    assertThrows(IllegalArgumentException.class, () -> ThreadPool.of(0));
    assertThrows(IllegalArgumentException.class, () -> ThreadPool.builder().maxQueued(-1));
  }

  // Futures.

  @Test
  void get_taskThrows_failsWithItsException() {
    var failure = new java.io.IOException("no");
    try (var pool = ThreadPool.of(1)) {
      var future =
          pool.submit(() -> {
            throw failure;
          });
      var thrown = assertThrows(ExecutionException.class, future::get);
      assertSame(failure, thrown.getCause());
      assertEquals(1, pool.stats().failed());
    }
  }

  @Test
  void get_taskThrowsError_failsWithItAndThePoolLivesOn() throws Exception {
    try (var pool = ThreadPool.of(1)) {
      var future =
          pool.submit(() -> {
            throw new AssertionError("no");
          });
      assertInstanceOf(
          AssertionError.class, assertThrows(ExecutionException.class, future::get).getCause());
      assertEquals(7, pool.submit(() -> 7).get());
    }
  }

  @Test
  void get_taskThrowsCancellationOrCompletionException_hasFailedWithJustThat() {
    for (RuntimeException own :
        List.of(
            new CancellationException("own"),
            new CompletionException("own", new IllegalStateException()))) {
      try (var pool = ThreadPool.of(1)) {
        var future =
            pool.submit(() -> {
              throw own;
            });
        assertSame(own, assertThrows(ExecutionException.class, future::get).getCause());
        assertFalse(future.isCancelled());
        assertEquals(Future.State.FAILED, future.state());
        assertSame(own, future.exceptionNow());
        assertEquals(1, pool.stats().failed());
      }
    }
  }

  @Test
  void get_rightAfterTheResult_statsCountTheTaskAndThePlaceTakesAnother() throws Exception {
    try (var pool = ThreadPool.builder().maxWorkers(1).maxQueued(0).build()) {
      for (int i = 1; i <= 2_000; i++) {
        pool.submit(() -> 1).get(); // a pool that gives the place back too late rejects the next
        assertEquals(i, pool.stats().completed());
        assertEquals(0, pool.stats().running());
      }
    }
  }

  @Test
  void submit_nullResult_isAResult() throws Exception {
    try (var pool = ThreadPool.of(1)) {
      assertNull(pool.submit(() -> {}).get());
      assertNull(pool.<@Nullable String, @Nullable String>submit(input -> input, null).get());
      assertEquals("done", pool.submit(() -> {}, "done").get());
    }
  }

  // Cancel.

  @ParameterizedTest
  @EnumSource
  void cancel_queuedTask_leavesTheQueueAtOnceAndNeverRuns(Threads threads) throws Exception {
    var gate = new Gate();
    var ran = new AtomicBoolean();
    try (var pool = threads.builder(1).maxQueued(1).build()) {
      pool.submit(gate::pass);
      gate.awaitInside(1);
      var queued = pool.submit(() -> ran.set(true));
      assertThrows(PoolFullException.class, () -> pool.submit(() -> {}));
      assertTrue(queued.cancel(false));
      assertEquals(0, pool.stats().queued());
      assertEquals(1, pool.stats().cancelled());
      var next = pool.submit(() -> "next");
      gate.open();
      assertEquals("next", next.get());
    }
    assertFalse(ran.get());
  }

  @ParameterizedTest
  @EnumSource
  void cancelTrue_runningTask_interruptsItAndItsPlaceIsHeldUntilItHasEnded(Threads threads)
      throws Exception {
    var started = new CountDownLatch(1);
    var interrupted = new CountDownLatch(1);
    var mayEnd = new CountDownLatch(1);
    try (var pool = threads.builder(1).build()) {
      var stubborn =
          pool.submit(() -> {
            started.countDown();
            try {
              new CountDownLatch(1).await();
            } catch (InterruptedException e) {
              interrupted.countDown();
              await(mayEnd);
            }
            return "stubborn";
          });
      await(started);
      assertTrue(stubborn.cancel(true));
      assertTrue(stubborn.isCancelled());
      await(interrupted);
      var next = pool.submit(() -> "next");
      assertEquals(1, pool.stats().running());
      assertEquals(1, pool.stats().queued());
      assertFalse(next.isDone());
      mayEnd.countDown();
      assertEquals("next", next.get());
      assertEquals(1, pool.stats().cancelled());
      assertEquals(1, pool.stats().completed());
    }
  }

  @Test
  void cancelFalse_runningTask_isNotInterrupted() throws Exception {
    var gate = new Gate();
    try (var pool = ThreadPool.of(1)) {
      var future = pool.submit(gate::pass);
      gate.awaitInside(1);
      assertTrue(future.cancel(false));
      gate.open();
      pool.submit(() -> {}).get();
    }
    assertEquals(0, gate.interrupted.get());
  }

  @ParameterizedTest
  @EnumSource
  void cancelTrue_inManyRaces_neverInterruptsTheNextTask(Threads threads) throws Exception {
    try (var pool = threads.builder(2).build()) {
      for (int i = 0; i < 3_000; i++) {
        var victim = pool.submit(() -> LockSupport.parkNanos(1));
        var next = pool.submit(() -> Thread.currentThread().isInterrupted());
        var after = pool.submit(() -> Thread.currentThread().isInterrupted());
        victim.cancel(true);
        assertFalse(next.get());
        assertFalse(after.get());
      }
    }
  }

  @Test
  void complete_byHand_queuedTaskNeverRunsAndTheAccountsBalance() throws Exception {
    var gate = new Gate();
    var ran = new AtomicBoolean();
    try (var pool = ThreadPool.of(1)) {
      var running = pool.submit(gate::pass);
      gate.awaitInside(1);
      var completed = pool.submit(() -> "ran " + ran.getAndSet(true));
      var failed = pool.submit(() -> "ran " + ran.getAndSet(true));
      var obtruded = pool.submit(() -> "ran " + ran.getAndSet(true));
      var timedOut = pool.submit(() -> "ran " + ran.getAndSet(true));
      var async = pool.submit(() -> "ran " + ran.getAndSet(true));
      assertTrue(completed.complete("by hand"));
      assertTrue(failed.completeExceptionally(new IllegalStateException()));
      obtruded.obtrudeValue("obtruded");
      timedOut.orTimeout(1, TimeUnit.NANOSECONDS);
      async.completeAsync(() -> "async", Runnable::run);
      assertEquals("by hand", completed.get());
      assertEquals("obtruded", obtruded.get());
      assertEquals("async", async.get());
      assertInstanceOf(
          TimeoutException.class, assertThrows(ExecutionException.class, timedOut::get).getCause());
      assertThrows(ExecutionException.class, failed::get);
      eventually("an empty queue", () -> pool.stats().queued() == 0);
      assertEquals(5, pool.stats().cancelled());
      assertTrue(running.complete(42)); // abandons the task that runs: it is interrupted
      pool.submit(() -> {}).get();
      assertEquals(42, running.get());
      assertFalse(running.complete(43));
      PoolStats stats = pool.stats();
      assertEquals(stats.submitted(), stats.completed() + stats.failed() + stats.cancelled());
    }
    assertFalse(ran.get());
    assertEquals(1, gate.interrupted.get());
  }

  @Test
  void cancel_aDerivedFuture_leavesTheTaskAlone() throws Exception {
    var gate = new Gate();
    try (var pool = ThreadPool.of(1)) {
      var future = pool.submit(gate::pass);
      var derived = future.thenApply(value -> value + 1);
      gate.awaitInside(1);
      assertTrue(derived.cancel(true));
      gate.open();
      assertEquals(1, future.get());
    }
  }

  @Test
  void dependents_runOnTheTasksThreadInsideItsPlace() throws Exception {
    var gate = new Gate();
    var inDependent = new CountDownLatch(1);
    var mayLeave = new CountDownLatch(1);
    try (var pool = ThreadPool.of(1)) {
      var future = pool.submit(gate::pass);
      var _ =
          future.thenRun(() -> {
            inDependent.countDown();
            try {
              await(mayLeave);
            } catch (InterruptedException e) {
              throw new AssertionError(e);
            }
          });
      var next = pool.submit(() -> "next");
      gate.open();
      await(inDependent);
      assertEquals(0, pool.stats().running());
      assertFalse(next.isDone());
      mayLeave.countDown();
      assertEquals("next", next.get());
    }
  }

  @Test
  void stop_runningTask_completesWhenItHasEndedWithWhatCameOfIt() throws Exception {
    var interrupted = new CountDownLatch(1);
    var mayEnd = new CountDownLatch(1);
    try (var pool = ThreadPool.of(1)) {
      var future =
          (TaskFuture<String>)
              pool.submit(() -> {
                try {
                  new CountDownLatch(1).await();
                  return "never";
                } catch (InterruptedException e) {
                  interrupted.countDown();
                  await(mayEnd);
                  return "cleaned up";
                }
              });
      var queued = (TaskFuture<Integer>) pool.submit(() -> 1);
      eventually("started", future::isStarted);
      assertFalse(queued.isStarted());
      queued.stop();
      assertTrue(queued.isCancelled());
      future.stop();
      await(interrupted);
      assertFalse(future.isDone());
      mayEnd.countDown();
      assertEquals("cleaned up", future.get());
    }
  }

  // A bounded queue.

  @Test
  void maxQueued_reject_refusesTheNewcomerWithTheNumbers() throws Exception {
    var gate = new Gate();
    try (var pool = ThreadPool.builder().name("calls").maxWorkers(1).maxQueued(2).build()) {
      pool.submit(gate::pass);
      gate.awaitInside(1);
      pool.submit(() -> {});
      pool.submit(() -> {});
      var thrown = assertThrows(PoolFullException.class, () -> pool.submit(() -> {}));
      assertEquals(
          "the pool's queue is full: pool=calls, running=1, maxWorkers=1, queued=2, maxQueued=2",
          thrown.getMessage());
      assertEquals(1, pool.stats().rejected());
      gate.open();
    }
  }

  @Test
  void maxQueued_dropOldest_failsTheOldestAndQueuesTheNewcomer() throws Exception {
    var gate = new Gate();
    try (var pool =
        ThreadPool.builder().maxWorkers(1).maxQueued(2).whenFull(WhenFull.DROP_OLDEST).build()) {
      pool.submit(gate::pass);
      gate.awaitInside(1);
      var oldest = pool.submit(() -> "oldest");
      var second = pool.submit(() -> "second");
      var newcomer = pool.submit(() -> "newcomer");
      assertInstanceOf(
          PoolFullException.class, assertThrows(ExecutionException.class, oldest::get).getCause());
      gate.open();
      assertEquals("second", second.get());
      assertEquals("newcomer", newcomer.get());
    }
  }

  @Test
  void maxQueued_block_theSubmitterWaitsForRoom() throws Exception {
    var gate = new Gate();
    try (var pool =
        ThreadPool.builder().maxWorkers(1).maxQueued(1).whenFull(WhenFull.BLOCK).build()) {
      pool.submit(gate::pass);
      gate.awaitInside(1);
      pool.submit(() -> {});
      var submitted = new AtomicReference<CompletableFuture<String>>();
      Thread submitter =
          Thread.ofPlatform().start(() -> submitted.set(pool.submit(() -> "in the end")));
      eventually("the submitter waits", () -> submitter.getState() == Thread.State.WAITING);
      assertEquals(1, pool.stats().queued());
      gate.open();
      submitter.join();
      assertEquals("in the end", submitted.get().get());
    }
  }

  @Test
  void maxQueued_block_interruptAndShutdownFreeTheSubmitter() throws Exception {
    var gate = new Gate();
    var pool = ThreadPool.builder().maxWorkers(1).maxQueued(0).whenFull(WhenFull.BLOCK).build();
    pool.submit(gate::pass);
    gate.awaitInside(1);
    var thrown = new AtomicReference<RejectedExecutionException>();
    var flag = new AtomicBoolean();
    Runnable submit =
        () -> {
          try {
            pool.submit(() -> {});
          } catch (RejectedExecutionException e) {
            thrown.set(e);
            flag.set(Thread.currentThread().isInterrupted());
          }
        };
    Thread interrupted = Thread.ofPlatform().start(submit);
    eventually("waits", () -> interrupted.getState() == Thread.State.WAITING);
    interrupted.interrupt();
    interrupted.join();
    assertInstanceOf(InterruptedException.class, thrown.get().getCause());
    assertTrue(flag.get());
    Thread refused = Thread.ofPlatform().start(submit);
    eventually("waits", () -> refused.getState() == Thread.State.WAITING);
    pool.shutdown();
    refused.join();
    assertTrue(thrown.get().getMessage().startsWith("the pool has been shut down"));
    gate.open();
    pool.close();
  }

  // Threads.

  @ParameterizedTest
  @EnumSource
  void threads_bearTheNameOfTheTaskTheyRun(Threads threads) throws Exception {
    try (var pool = threads.builder(1).build()) {
      assertEquals("calls/task 1", pool.submit(() -> Thread.currentThread().getName()).get());
      assertEquals("calls/task 2", pool.submit(() -> Thread.currentThread().getName()).get());
      assertEquals(
          threads == Threads.VIRTUAL, pool.submit(() -> Thread.currentThread().isVirtual()).get());
    }
  }

  @Test
  void platformThreads_areReused() throws Exception {
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    try (var pool = Threads.PLATFORM.builder(2).build()) {
      for (int i = 0; i < 100; i++) {
        pool.submit(() -> seen.add(Thread.currentThread())).get();
      }
    }
    assertTrue(seen.size() <= 2, "threads: " + seen);
    for (Thread thread : seen) {
      thread.join();
    }
  }

  @Test
  void threadFactory_failsOrReturnsNull_failsTheTaskAndGivesThePlaceBack() throws Exception {
    var broken = new AtomicInteger(2);
    ThreadFactory factory =
        work -> {
          return switch (broken.getAndDecrement()) {
            case 2 -> throw new OutOfMemoryError("unable to create native thread");
            case 1 -> null;
            default -> Thread.ofVirtual().unstarted(work);
          };
        };
    try (var pool = ThreadPool.builder().maxWorkers(1).threadFactory(factory).build()) {
      var first = pool.submit(() -> 1);
      var second = pool.submit(() -> 2);
      var refusal =
          assertInstanceOf(
              RejectedExecutionException.class,
              assertThrows(ExecutionException.class, first::get).getCause());
      assertInstanceOf(OutOfMemoryError.class, refusal.getCause());
      assertThrows(ExecutionException.class, second::get);
      assertEquals(0, pool.stats().running());
      assertEquals(3, pool.submit(() -> 3).get());
    }
  }

  @Test
  void threadFactory_alwaysFails_failsALongQueueWithoutRecursion() throws Exception {
    var broken = new AtomicBoolean();
    var gate = new Gate();
    ThreadFactory factory =
        work -> {
          if (broken.get()) {
            throw new IllegalStateException("no threads today");
          }
          return Thread.ofVirtual().unstarted(work);
        };
    // With a limiter each task gets a thread of its own, from the thread of the one before.
    try (var limiter = AsyncSemaphore.of(1);
        var pool =
            ThreadPool.builder().maxWorkers(1).limiter(limiter).threadFactory(factory).build()) {
      pool.submit(gate::pass);
      List<CompletableFuture<?>> futures = new ArrayList<>();
      for (int i = 0; i < 100_000; i++) {
        futures.add(pool.submit(() -> {}));
      }
      broken.set(true);
      gate.open();
      for (var future : futures) {
        assertThrows(ExecutionException.class, future::get);
      }
      assertEquals(0, limiter.inUse());
    }
  }

  @Test
  void execute_taskThrows_reachesTheUncaughtExceptionHandler() throws Exception {
    var seen = new AtomicReference<Throwable>();
    var handled = new CountDownLatch(1);
    ThreadFactory factory =
        Thread.ofVirtual()
            .uncaughtExceptionHandler((thread, thrown) -> {
              seen.set(thrown);
              handled.countDown();
            })
            .factory();
    var failure = new IllegalStateException("uncaught");
    try (var pool = ThreadPool.builder().maxWorkers(1).threadFactory(factory).build()) {
      pool.execute(() -> {
        throw failure;
      });
      await(handled);
      assertSame(failure, seen.get());
      assertEquals("alive", pool.submit(() -> "alive").get());
    }
  }

  @Test
  void threads_inheritNothingFromTheTaskWhoseThreadStartedThem() throws Exception {
    var inheritable = new InheritableThreadLocal<String>();
    inheritable.set("of the submitter");
    try (var limiter = AsyncSemaphore.of(1);
        var pool = ThreadPool.builder().maxWorkers(1).limiter(limiter).build()) {
      var loader = Thread.currentThread().getContextClassLoader();
      var first =
          pool.submit(() -> {
            inheritable.set("of the first task");
            Thread.currentThread().setContextClassLoader(null);
          });
      var second = pool.submit(() -> inheritable.get());
      var third = pool.submit(() -> Thread.currentThread().getContextClassLoader() == loader);
      first.get();
      assertNull(second.get());
      assertTrue(third.get());
    }
  }

  // Context.

  private static final ScopedValue<String> USER = ScopedValue.newInstance();

  @Test
  void context_scopedValue_isThatOfTheSubmitter() throws Exception {
    try (var pool =
        ThreadPool.builder()
            .maxWorkers(1)
            .context(task -> {
              String user = USER.orElse("nobody");
              return () -> ScopedValue.where(USER, user).run(task);
            })
            .build()) {
      var future = ScopedValue.where(USER, "alice").call(() -> pool.submit(() -> USER.get()));
      assertEquals("alice", future.get());
      assertEquals("nobody", pool.submit(() -> USER.get()).get());
      var mapped =
          ScopedValue.where(USER, "bob")
              .call(() -> pool.map(List.of(1, 2), input -> USER.get() + input).toList());
      assertEquals(List.of("bob1", "bob2"), mapped);
      var failure = new java.io.IOException("checked");
      var failed =
          pool.submit(() -> {
            throw failure;
          });
      assertSame(failure, assertThrows(ExecutionException.class, failed::get).getCause());
    }
  }

  @Test
  void context_hookThatDoesNotRunTheTask_failsIt() {
    try (var pool = ThreadPool.builder().context(task -> () -> {}).build()) {
      var future = pool.submit(() -> 1);
      assertInstanceOf(
          IllegalStateException.class,
          assertThrows(ExecutionException.class, future::get).getCause());
    }
  }

  // A shared limiter.

  @Test
  void limiter_shared_boundsTwoPoolsTogetherAndStartsNoThreadWithoutPermit() throws Exception {
    var limiter = AsyncSemaphore.of(3);
    var gate = new Gate();
    try (var a = ThreadPool.builder().maxWorkers(8).limiter(limiter).build();
        var b = ThreadPool.builder().maxWorkers(8).limiter(limiter).build()) {
      for (int i = 0; i < 10; i++) {
        a.submit(gate::pass);
        b.submit(gate::pass);
      }
      gate.awaitInside(3);
      assertEquals(3, limiter.inUse());
      assertEquals(3, a.stats().running() + b.stats().running());
      assertEquals(17, a.stats().queued() + b.stats().queued());
      gate.open();
    }
    assertEquals(0, limiter.inUse());
    assertEquals(0, limiter.waiting());
  }

  @Test
  void limiter_cancelOfATaskThatWaitsForAPermit_withdrawsTheRequestAndFreesThePlace()
      throws Exception {
    var limiter = AsyncSemaphore.of(1);
    var held = limiter.acquire();
    try (var pool = ThreadPool.builder().maxWorkers(1).limiter(limiter).build()) {
      var first = pool.submit(() -> "first");
      var second = pool.submit(() -> "second");
      assertEquals(1, limiter.waiting());
      assertTrue(first.cancel(true));
      assertEquals(1, limiter.waiting());
      assertEquals(1, limiter.stats().cancelled());
      held.close();
      assertEquals("second", second.get());
    }
    assertEquals(0, limiter.inUse());
  }

  @Test
  void limiter_closed_failsTheTasksWithItsException() {
    var limiter = AsyncSemaphore.of(1);
    try (var pool = ThreadPool.builder().maxWorkers(1).limiter(limiter).build()) {
      limiter.close();
      var future = pool.submit(() -> 1);
      assertInstanceOf(
          LimiterClosedException.class,
          assertThrows(ExecutionException.class, future::get).getCause());
      assertEquals(0, pool.stats().running());
      assertEquals(0, pool.stats().queued());
    }
  }

  @Test
  void limiter_shutdownNow_namesTasksThatWaitForAPermit() throws Exception {
    var limiter = AsyncSemaphore.of(1);
    var held = limiter.acquire();
    var pool = ThreadPool.builder().name("calls").maxWorkers(1).limiter(limiter).build();
    var waiting = pool.submit(() -> 1);
    var queued = pool.submit(() -> 2);
    var never = pool.shutdownNow();
    assertEquals(
        List.of("calls/task 1", "calls/task 2"), never.stream().map(Object::toString).toList());
    assertTrue(waiting.isCancelled());
    assertTrue(queued.isCancelled());
    assertTrue(pool.isTerminated());
    assertEquals(0, limiter.waiting());
    held.close();
    assertEquals(1, limiter.available());
  }

  // The end.

  @ParameterizedTest
  @EnumSource
  void shutdown_letsTheQueueFinishAndRefusesNewTasks(Threads threads) throws Exception {
    var gate = new Gate();
    var pool = threads.builder(1).build();
    var running = pool.submit(gate::pass);
    var queued = pool.submit(() -> "queued");
    pool.shutdown();
    assertTrue(pool.isShutdown());
    assertFalse(pool.isTerminated());
    var thrown = assertThrows(RejectedExecutionException.class, () -> pool.submit(() -> 1));
    assertTrue(thrown.getMessage().startsWith("the pool has been shut down: pool=calls"));
    assertFalse(pool.awaitTermination(0, TimeUnit.SECONDS));
    gate.open();
    assertTrue(pool.awaitTermination(60, TimeUnit.SECONDS));
    assertTrue(pool.isTerminated());
    assertEquals(1, running.get());
    assertEquals("queued", queued.get());
    pool.close();
  }

  @ParameterizedTest
  @EnumSource
  void shutdownNow_interruptsCancelsAndNamesWhatNeverStarted(Threads threads) throws Exception {
    var gate = new Gate();
    var ranByHand = new AtomicInteger();
    var pool = threads.builder(1).build();
    var running = pool.submit(gate::pass);
    gate.awaitInside(1);
    var queued = pool.submit(ranByHand::incrementAndGet);
    Runnable command = ranByHand::incrementAndGet;
    pool.execute(command);
    List<Runnable> never = pool.shutdownNow();
    assertEquals(2, never.size());
    assertEquals("calls/task 2", never.get(0).toString());
    assertSame(command, never.get(1));
    assertTrue(queued.isCancelled());
    assertThrows(CancellationException.class, queued::get);
    assertThrows(ExecutionException.class, running::get);
    assertTrue(pool.awaitTermination(60, TimeUnit.SECONDS));
    assertEquals(1, gate.interrupted.get());
    assertEquals(0, ranByHand.get());
    never.forEach(Runnable::run);
    assertEquals(2, ranByHand.get());
    assertEquals(List.of(), pool.shutdownNow());
  }

  @Test
  void close_interrupted_stopsTheTasksAndKeepsTheFlag() throws Exception {
    var gate = new Gate();
    var pool = ThreadPool.of(1);
    pool.submit(gate::pass);
    var queued = pool.submit(() -> 1);
    gate.awaitInside(1);
    Thread.currentThread().interrupt();
    pool.close();
    assertTrue(Thread.interrupted());
    assertTrue(pool.isTerminated());
    assertTrue(queued.isCancelled());
    assertEquals(1, gate.interrupted.get());
  }

  @Test
  void close_fromItsOwnTask_isRefusedInsteadOfWaitingForItself() throws Exception {
    try (var pool = ThreadPool.of(1)) {
      var future = pool.submit(pool::close);
      assertInstanceOf(
          IllegalStateException.class,
          assertThrows(ExecutionException.class, future::get).getCause());
    }
  }

  // invokeAll and invokeAny.

  @Test
  void invokeAll_someFail_allAreDoneInOrder() throws Exception {
    try (var pool = ThreadPool.of(2)) {
      List<Future<Integer>> futures =
          pool.invokeAll(
              List.of(
                  () -> 1,
                  () -> {
                    throw new IllegalStateException();
                  },
                  () -> 3));
      assertEquals(1, futures.get(0).get());
      assertThrows(ExecutionException.class, () -> futures.get(1).get());
      assertEquals(3, futures.get(2).get());
    }
  }

  @Test
  void invokeAll_timeUp_cancelsTheRest() throws Exception {
    var gate = new Gate();
    try (var pool = ThreadPool.of(1)) {
      List<Future<Integer>> futures =
          pool.invokeAll(List.of(() -> 1, gate::pass, () -> 3), 50, TimeUnit.MILLISECONDS);
      assertTrue(futures.stream().allMatch(Future::isDone));
      assertTrue(futures.get(1).isCancelled());
      assertTrue(futures.get(2).isCancelled());
    }
  }

  @Test
  void invokeAny_firstSuccessWinsAndTheRestIsCancelled() throws Exception {
    var gate = new Gate();
    try (var pool = ThreadPool.of(3)) {
      int winner =
          pool.invokeAny(
              List.of(
                  gate::pass,
                  () -> {
                    throw new IllegalStateException();
                  },
                  () -> 3));
      assertEquals(3, winner);
    }
    assertThrows(IllegalArgumentException.class, () -> ThreadPool.of(1).invokeAny(List.of()));
  }

  @Test
  void invokeAny_allFail_throwsTheLastFailure() {
    try (var pool = ThreadPool.of(1)) {
      var failure = new IllegalStateException("all");
      var thrown =
          assertThrows(
              ExecutionException.class,
              () ->
                  pool.invokeAny(
                      List.of(() -> {
                        throw failure;
                      })));
      assertSame(failure, thrown.getCause());
    }
  }
}
