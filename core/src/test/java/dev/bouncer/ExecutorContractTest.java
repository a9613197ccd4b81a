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
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One program, three executors: what the JDK promises of an executor service. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class ExecutorContractTest {
  /** Whose contract. */
  enum Kind {
    THREAD_POOL {
      @Override
      ExecutorService create() {
        return ThreadPool.of(1);
      }
    },
    THREAD_POOL_PLATFORM {
      @Override
      ExecutorService create() {
        return ThreadPool.builder().maxWorkers(1).platformThreads().build();
      }
    },
    JDK_THREAD_POOL {
      @Override
      ExecutorService create() {
        return Executors.newFixedThreadPool(1);
      }
    },
    JDK_VIRTUAL {
      @Override
      ExecutorService create() {
        return Executors.newVirtualThreadPerTaskExecutor();
      }
    };

    abstract ExecutorService create();

    /** Those with one worker keep a queue. */
    boolean hasQueue() {
      return this != JDK_VIRTUAL;
    }

    boolean isOurs() {
      return this == THREAD_POOL || this == THREAD_POOL_PLATFORM;
    }
  }

  /** A task that runs until it is interrupted or let go. */
  private static final class Blocker {
    final CountDownLatch started = new CountDownLatch(1);
    final CountDownLatch go = new CountDownLatch(1);
    final AtomicBoolean interrupted = new AtomicBoolean();

    String call() throws InterruptedException {
      started.countDown();
      try {
        go.await();
        return "let go";
      } catch (InterruptedException e) {
        interrupted.set(true);
        throw e;
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void futures_tellWhatBecameOfTheTask(Kind kind) throws Exception {
    try (var executor = kind.create()) {
      Future<String> success = executor.submit(() -> "result");
      assertEquals("result", success.get());
      assertEquals(Future.State.SUCCESS, success.state());
      assertEquals("result", success.resultNow());
      assertFalse(success.cancel(true));
      assertFalse(success.isCancelled());

      var thrown = new java.io.IOException("no");
      Future<String> failure =
          executor.submit(() -> {
            throw thrown;
          });
      assertSame(thrown, assertThrows(ExecutionException.class, failure::get).getCause());
      assertEquals(Future.State.FAILED, failure.state());
      assertSame(thrown, failure.exceptionNow());
      assertFalse(failure.cancel(true));

      assertNull(executor.submit(() -> {}).get());
      assertEquals("given", executor.submit(() -> {}, "given").get());
    }
  }

  @ParameterizedTest
  @EnumSource
  void cancel_runningTask(Kind kind) throws Exception {
    try (var executor = kind.create()) {
      var blocker = new Blocker();
      Future<String> future = executor.submit(blocker::call);
      await(blocker.started);
      assertThrows(TimeoutException.class, () -> future.get(1, TimeUnit.MILLISECONDS));
      assertThrows(IllegalStateException.class, future::resultNow);
      assertEquals(Future.State.RUNNING, future.state());
      assertTrue(future.cancel(true));
      assertTrue(future.isDone());
      assertTrue(future.isCancelled());
      assertEquals(Future.State.CANCELLED, future.state());
      assertThrows(CancellationException.class, future::get);
      eventually("the task is interrupted", blocker.interrupted::get);
    }
  }

  @ParameterizedTest
  @EnumSource
  void cancel_queuedTask_neverRuns(Kind kind) throws Exception {
    var ran = new AtomicBoolean();
    try (var executor = kind.create()) {
      if (kind.hasQueue()) {
        var blocker = new Blocker();
        Future<String> running = executor.submit(blocker::call);
        await(blocker.started);
        Future<?> queued = executor.submit(() -> ran.set(true));
        assertTrue(queued.cancel(false));
        blocker.go.countDown();
        assertEquals("let go", running.get());
      }
    }
    assertFalse(ran.get());
  }

  @ParameterizedTest
  @EnumSource
  void shutdown_finishesWhatWasSubmittedAndRejectsTheRest(Kind kind) throws Exception {
    var executor = kind.create();
    var blocker = new Blocker();
    Future<String> running = executor.submit(blocker::call);
    Future<String> second = executor.submit(() -> "second");
    await(blocker.started);
    assertFalse(executor.isShutdown());
    executor.shutdown();
    assertTrue(executor.isShutdown());
    assertFalse(executor.isTerminated());
    assertThrows(RejectedExecutionException.class, () -> executor.submit(() -> 1));
    assertThrows(RejectedExecutionException.class, () -> executor.execute(() -> {}));
    assertFalse(executor.awaitTermination(1, TimeUnit.MILLISECONDS));
    executor.shutdown();
    blocker.go.countDown();
    assertTrue(executor.awaitTermination(60, TimeUnit.SECONDS));
    assertTrue(executor.isTerminated());
    assertEquals("let go", running.get());
    assertEquals("second", second.get());
  }

  @ParameterizedTest
  @EnumSource
  void shutdownNow_interruptsAndReturnsTheQueue(Kind kind) throws Exception {
    var executor = kind.create();
    var blocker = new Blocker();
    Future<String> running = executor.submit(blocker::call);
    await(blocker.started);
    Runnable command = () -> {};
    Future<String> queued = null;
    if (kind.hasQueue()) {
      queued = executor.submit(() -> "queued");
      executor.execute(command);
    }
    List<Runnable> never = executor.shutdownNow();
    assertEquals(kind.hasQueue() ? 2 : 0, never.size());
    assertTrue(executor.awaitTermination(60, TimeUnit.SECONDS));
    assertTrue(blocker.interrupted.get());
    assertInstanceOf(
        InterruptedException.class,
        assertThrows(ExecutionException.class, running::get).getCause());
    if (queued != null) {
      assertSame(command, never.get(1));
      // The JDK leaves the future of a task that never started pending; here it is cancelled.
      assertEquals(kind.isOurs(), queued.isDone());
    }
    assertEquals(List.of(), executor.shutdownNow());
  }

  @ParameterizedTest
  @EnumSource
  void close_waitsForTheTasksAndIsIdempotent(Kind kind) throws Exception {
    var executor = kind.create();
    var done = new ArrayList<Integer>();
    for (int i = 0; i < 3; i++) {
      int input = i;
      executor.execute(() -> {
        synchronized (done) {
          done.add(input);
        }
      });
    }
    executor.close();
    assertEquals(3, done.size());
    assertTrue(executor.isTerminated());
    executor.close();
    executor.shutdown();
  }

  @ParameterizedTest
  @EnumSource
  void close_interrupted_stopsTheTasksAndKeepsTheFlag(Kind kind) throws Exception {
    var executor = kind.create();
    var blocker = new Blocker();
    Future<String> running = executor.submit(blocker::call);
    await(blocker.started);
    Thread.currentThread().interrupt();
    executor.close();
    assertTrue(Thread.interrupted());
    assertTrue(executor.isTerminated());
    assertTrue(blocker.interrupted.get());
    assertTrue(running.isDone());
  }

  @ParameterizedTest
  @EnumSource
  void invokeAll_waitsForAllInOrder(Kind kind) throws Exception {
    try (var executor = kind.create()) {
      List<Future<Integer>> futures =
          executor.invokeAll(
              List.of(
                  () -> 1,
                  () -> {
                    throw new IllegalStateException("two");
                  },
                  () -> 3));
      assertEquals(
          List.of(Future.State.SUCCESS, Future.State.FAILED, Future.State.SUCCESS),
          futures.stream().map(Future::state).toList());
      assertEquals(List.of(), executor.invokeAll(List.of()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void invokeAny_givesOneSuccess(Kind kind) throws Exception {
    try (var executor = kind.create()) {
      assertEquals(
          2,
          executor.<Integer>invokeAny(
              List.of(
                  () -> {
                    throw new IllegalStateException("one");
                  },
                  () -> 2)));
      assertThrows(
          ExecutionException.class,
          () ->
              executor.invokeAny(
                  List.of(() -> {
                    throw new IllegalStateException("all");
                  })));
      assertThrows(IllegalArgumentException.class, () -> executor.invokeAny(List.of()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void submit_null_isRefused(Kind kind) {
    try (var executor = kind.create()) {
      assertThrows(NullPointerException.class, () -> executor.submit((Runnable) null));
      assertThrows(NullPointerException.class, () -> executor.execute(null));
    }
  }

  @ParameterizedTest
  @EnumSource
  void interruptFlagOfATask_doesNotReachTheNext(Kind kind) throws Exception {
    try (var executor = kind.create()) {
      executor.submit(() -> Thread.currentThread().interrupt()).get();
      assertFalse(executor.submit(() -> Thread.currentThread().isInterrupted()).get());
    }
  }
}
