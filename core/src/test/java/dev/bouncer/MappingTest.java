package dev.bouncer;

import static dev.bouncer.Latches.await;
import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 120, unit = TimeUnit.SECONDS)
class MappingTest {
  private final ThreadPool pool = ThreadPool.of(4);

  @AfterEach
  void close() {
    pool.close();
  }

  private static List<Integer> numbers(int count) {
    return IntStream.range(0, count).boxed().toList();
  }

  private <R> Mapping<Integer, R> mapping(boolean ordered, Task<Integer, R> task) {
    Mapping<Integer, R> mapping = pool.mapping(task);
    return ordered ? mapping : mapping.unordered();
  }

  /** Endless numbers, counted as they are read. */
  private static final class Naturals implements Iterable<Integer> {
    final AtomicInteger read = new AtomicInteger();

    @Override
    public Iterator<Integer> iterator() {
      return new Iterator<>() {
        @Override
        public boolean hasNext() {
          return true;
        }

        @Override
        public Integer next() {
          return read.getAndIncrement();
        }
      };
    }
  }

  /** Inputs that come when the test says so; an empty list ends them. */
  private static final class Hose implements Iterator<Integer> {
    final LinkedBlockingQueue<List<Integer>> queue = new LinkedBlockingQueue<>();
    private @Nullable List<Integer> next;

    @Override
    public boolean hasNext() {
      if (next == null) {
        try {
          next = queue.take();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      return !next.isEmpty();
    }

    @Override
    public Integer next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      int result = next.getFirst();
      next = null;
      return result;
    }
  }

  // Results.

  @Test
  void map_manyInputs_resultsInInputOrder() {
    assertEquals(numbers(20_000), pool.map(numbers(20_000), input -> input).toList());
  }

  @Test
  void unordered_manyInputs_eachResultOnce() {
    var results =
        pool.<Integer, Integer>mapping(input -> input).unordered().over(numbers(20_000)).toList();
    assertEquals(numbers(20_000), results.stream().sorted().toList());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_noInputs_isEmpty(boolean ordered) {
    assertEquals(List.of(), mapping(ordered, input -> input).over(List.of()).toList());
  }

  @Test
  void over_nullInputsAndResults_passThrough() {
    var inputs = new ArrayList<@Nullable String>();
    inputs.add(null);
    inputs.add("b");
    assertEquals(
        inputs, pool.<@Nullable String, @Nullable String>map(inputs, input -> input).toList());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_nothingRead_nothingStarts(boolean ordered) {
    var inputs = new Naturals();
    mapping(ordered, input -> input).over(inputs);
    assertEquals(0, inputs.read.get());
    assertEquals(0, pool.stats().submitted());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_endlessInputs_readsNoFurtherThanTheBuffer(boolean ordered) {
    var inputs = new Naturals();
    try (Stream<Integer> results = mapping(ordered, input -> input).buffer(7).over(inputs)) {
      var iterator = results.iterator();
      for (int taken = 1; taken <= 100; taken++) {
        iterator.next();
        int mostRead = taken + 7;
        assertTrue(inputs.read.get() <= mostRead, () -> inputs.read + " > " + mostRead);
      }
      eventually("the buffer is full", () -> inputs.read.get() == 107);
      eventually("all tasks done", () -> pool.stats().completed() == 107);
    }
    assertEquals(107, inputs.read.get());
  }

  @Test
  void unordered_slowFirstTask_doesNotHoldUpTheOthers() throws Exception {
    var gate = new CountDownLatch(1);
    var iterator =
        mapping(
                false,
                input -> {
                  if (input == 0) {
                    await(gate);
                  }
                  return input;
                })
            .over(numbers(100))
            .iterator();
    for (int i = 1; i < 100; i++) {
      assertTrue(iterator.next() > 0);
    }
    gate.countDown();
    assertEquals(0, iterator.next());
    assertFalse(iterator.hasNext());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_slowSource_finishedResultDoesNotWaitForTheNextInput(boolean ordered) {
    var hose = new Hose();
    hose.queue.add(List.of(1));
    var iterator = mapping(ordered, input -> input * 10).over(() -> hose).iterator();
    assertEquals(10, iterator.next()); // there is no second input yet
    hose.queue.add(List.of(2));
    assertEquals(20, iterator.next());
    hose.queue.add(List.of());
    assertFalse(iterator.hasNext());
  }

  @Test
  void over_countAndParallel_runTheTasksAll() {
    var ran = new AtomicInteger();
    assertEquals(100, pool.map(numbers(100), input -> ran.incrementAndGet()).count());
    assertEquals(100, ran.get());
    assertEquals(numbers(100), pool.map(numbers(100), input -> input).parallel().toList());
  }

  // Failures.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_failureBehindSlowInputs_surfacesAtOnceAndNothingRuns(boolean ordered) {
    var running = new AtomicInteger();
    var interrupted = new AtomicInteger();
    var started = new CountDownLatch(3);
    var failure = new IllegalStateException("the third");
    var results =
        mapping(
                ordered,
                input -> {
                  if (input == 3) {
                    await(started);
                    throw failure;
                  }
                  running.incrementAndGet();
                  started.countDown();
                  try {
                    new CountDownLatch(1).await();
                    return input;
                  } catch (InterruptedException e) {
                    interrupted.incrementAndGet();
                    throw e;
                  } finally {
                    running.decrementAndGet();
                  }
                })
            .over(numbers(100));
    var thrown = assertThrows(CompletionException.class, results::toList);
    assertEquals(0, running.get());
    assertEquals(3, interrupted.get());
    assertSame(failure, thrown.getCause());
    assertEquals("a task failed: input index=3", thrown.getMessage());
    assertEquals(0, pool.stats().queued());
  }

  @Test
  void over_failure_deliversTheFinishedHeadFirst() {
    var headDone = new CountDownLatch(2);
    var delivered = new ArrayList<Integer>();
    var results =
        mapping(
                true,
                input -> {
                  if (input == 2) {
                    await(headDone);
                    throw new IllegalStateException();
                  }
                  headDone.countDown();
                  return input;
                })
            .over(numbers(3));
    assertThrows(CompletionException.class, () -> results.forEach(delivered::add));
    assertEquals(List.of(0, 1), delivered);
  }

  @Test
  void over_severalFailures_theOthersAreSuppressed() {
    var inTheTry = new CountDownLatch(1);
    var results =
        mapping(
                true,
                input -> {
                  if (input == 0) {
                    await(inTheTry);
                    throw new IllegalStateException("first");
                  }
                  try {
                    inTheTry.countDown();
                    new CountDownLatch(1).await();
                  } catch (InterruptedException e) {
                    throw new java.io.IOException("clean-up failed", e);
                  }
                  return input;
                })
            .over(numbers(2));
    var thrown = assertThrows(CompletionException.class, results::toList);
    assertEquals("first", thrown.getCause().getMessage());
    assertEquals(1, thrown.getSuppressed().length);
    assertEquals("clean-up failed", thrown.getSuppressed()[0].getMessage());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_taskThrowsCancellationException_hasFailed(boolean ordered) {
    var own = new CancellationException("own");
    var results =
        mapping(
                ordered,
                input -> {
                  throw own;
                })
            .over(numbers(3));
    assertSame(own, assertThrows(CompletionException.class, results::toList).getCause());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void resultsOver_someFail_oneResultAnInput(boolean ordered) {
    var results =
        mapping(
                ordered,
                input -> {
                  if (input % 3 == 0) {
                    throw new IllegalStateException("no " + input);
                  }
                  return "ok " + input;
                })
            .resultsOver(numbers(1_000))
            .toList();
    assertEquals(1_000, results.size());
    var seen = new ArrayList<Integer>();
    for (var result : results) {
      seen.add(result.input());
      switch (result) {
        case Result.Success<Integer, String>(var input, var value) -> {
          assertTrue(input % 3 != 0);
          assertEquals("ok " + input, value);
          assertEquals(value, result.orElseThrow());
        }
        case Result.Failure<Integer, String>(var input, var cause) -> {
          assertEquals("no " + input, cause.getMessage());
          assertSame(
              cause, assertThrows(CompletionException.class, result::orElseThrow).getCause());
        }
      }
    }
    assertEquals(numbers(1_000), ordered ? seen : seen.stream().sorted().toList());
  }

  // The source.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_sourceThrows_surfacesOnce(boolean ordered) {
    var failure = new IllegalStateException("source");
    Iterable<Integer> source =
        () ->
            new Iterator<>() {
              private int next;

              @Override
              public boolean hasNext() {
                return true;
              }

              @Override
              public Integer next() {
                if (next == 3) {
                  throw failure;
                }
                return next++;
              }
            };
    var iterator = mapping(ordered, input -> input).over(source).iterator();
    var thrown =
        assertThrows(CompletionException.class, () -> iterator.forEachRemaining(result -> {}));
    assertSame(failure, thrown.getCause());
    assertEquals(0, thrown.getSuppressed().length);
    var collected = new ArrayList<Integer>();
    var all = mapping(ordered, input -> input).resultsOver(source);
    var late =
        assertThrows(
            CompletionException.class, () -> all.forEach(result -> collected.add(result.input())));
    assertSame(failure, late.getCause());
    assertEquals(List.of(0, 1, 2), collected.stream().sorted().toList());
  }

  @Test
  void over_iterableThrows_surfaces() {
    var failure = new IllegalStateException("no iterator");
    Iterable<Integer> source =
        () -> {
          throw failure;
        };
    var results = mapping(true, input -> input).over(source);
    assertSame(failure, assertThrows(CompletionException.class, results::toList).getCause());
  }

  // The end.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void close_halfway_nothingRunsAfterwards(boolean ordered) {
    var running = new AtomicInteger();
    var inputs = new Naturals();
    try (Stream<Integer> results =
        mapping(
                ordered,
                input -> {
                  if (input < 3) {
                    return input;
                  }
                  running.incrementAndGet();
                  try {
                    new CountDownLatch(1).await();
                  } finally {
                    running.decrementAndGet();
                  }
                  return input;
                })
            .over(inputs)) {
      var iterator = results.iterator();
      for (int i = 0; i < 3; i++) {
        assertTrue(iterator.next() < 3);
      }
      eventually("all workers busy", () -> running.get() == 4);
    }
    assertEquals(0, running.get());
    eventually("an empty pool", () -> pool.stats().running() + pool.stats().queued() == 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void close_byAnotherThread_freesTheReader(boolean ordered) throws Exception {
    var results =
        mapping(
                ordered,
                input -> {
                  new CountDownLatch(1).await();
                  return input;
                })
            .over(numbers(10));
    var iterator = results.iterator();
    var thrown = new AtomicReference<Throwable>();
    Thread reader =
        Thread.ofPlatform()
            .start(() -> thrown.set(assertThrows(CancellationException.class, iterator::next)));
    eventually("the reader waits", () -> reader.getState() == Thread.State.WAITING);
    results.close();
    reader.join();
    assertEquals("the stream of results was closed", thrown.get().getMessage());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void interruptOfTheReader_stopsAllTasksAndKeepsTheFlag(boolean ordered) throws Exception {
    var running = new AtomicInteger();
    var results =
        mapping(
                ordered,
                input -> {
                  running.incrementAndGet();
                  try {
                    new CountDownLatch(1).await();
                    return input;
                  } finally {
                    running.decrementAndGet();
                  }
                })
            .over(new Naturals());
    var thrown = new AtomicReference<Throwable>();
    var flag = new AtomicBoolean();
    var runningThen = new AtomicInteger(-1);
    Thread reader =
        Thread.ofPlatform()
            .start(() -> {
              thrown.set(assertThrows(CompletionException.class, results::toList));
              runningThen.set(running.get());
              flag.set(Thread.currentThread().isInterrupted());
            });
    eventually("all workers busy", () -> running.get() == 4);
    reader.interrupt();
    reader.join();
    assertInstanceOf(InterruptedException.class, thrown.get().getCause());
    assertTrue(flag.get());
    assertEquals(0, runningThen.get());
  }

  @Test
  void stream_readHalfwayAndDropped_doesNotKeepThePoolFromClosing() {
    var inputs = new Naturals();
    try (var own = ThreadPool.of(2)) {
      assertEquals(0, own.map(inputs, input -> input).iterator().next());
    }
    assertTrue(inputs.read.get() <= 33, "read: " + inputs.read);
  }

  @Test
  void pool_shutDownHalfway_theReaderIsTold() {
    var own = ThreadPool.of(2);
    var iterator = own.map(new Naturals(), input -> input).iterator();
    iterator.next();
    own.shutdown();
    var thrown =
        assertThrows(CompletionException.class, () -> iterator.forEachRemaining(result -> {}));
    assertInstanceOf(RejectedExecutionException.class, thrown.getCause());
    own.close();
  }

  // Timeouts.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void timeout_slowTask_failsWithTimeoutAndIsInterrupted(boolean ordered) {
    var interrupted = new AtomicInteger();
    var results =
        mapping(
                ordered,
                input -> {
                  if (input == 1) {
                    try {
                      new CountDownLatch(1).await();
                    } catch (InterruptedException e) {
                      interrupted.incrementAndGet();
                      throw e;
                    }
                  }
                  return input;
                })
            .timeout(Duration.ofMillis(20))
            .resultsOver(numbers(50))
            .toList();
    assertEquals(50, results.size());
    var failures =
        results.stream().filter(result -> result instanceof Result.Failure<?, ?>).toList();
    // On a busy machine others may be late as well; the one that never ends must be.
    var failed = failures.stream().filter(result -> result.input() == 1).findFirst().orElseThrow();
    assertInstanceOf(TimeoutException.class, ((Result.Failure<?, ?>) failed).cause());
    assertEquals(1, interrupted.get());
  }

  @Test
  void timeout_zeroOrLess_isRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> pool.<Integer, Integer>mapping(input -> input).timeout(Duration.ZERO));
    assertThrows(
        IllegalArgumentException.class,
        () -> pool.<Integer, Integer>mapping(input -> input).buffer(0));
  }

  // Limiters.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void limiter_isHeldWhileTheTaskRuns(boolean ordered) {
    var limiter = AsyncSemaphore.of(2);
    var running = new AtomicInteger();
    var most = new AtomicInteger();
    var results =
        mapping(
                ordered,
                input -> {
                  most.accumulateAndGet(running.incrementAndGet(), Math::max);
                  LockSupport.parkNanos(1);
                  running.decrementAndGet();
                  return input;
                })
            .limiter(limiter)
            .over(numbers(500))
            .toList();
    assertEquals(500, results.size());
    assertTrue(most.get() <= 2, "most: " + most);
    assertEquals(0, limiter.inUse());
    assertEquals(500, limiter.stats().acquired());
  }

  @Test
  void limiterByInput_aBusyKeyDoesNotHoldUpTheOthers() throws Exception {
    Map<Integer, AsyncSemaphore> byKey = new ConcurrentHashMap<>();
    var gate = new CountDownLatch(1);
    var results =
        mapping(
                false,
                input -> {
                  if (input % 2 == 0) {
                    await(gate);
                  }
                  return input;
                })
            .buffer(100)
            .limiter(input -> byKey.computeIfAbsent(input % 2, key -> AsyncSemaphore.of(1)))
            .over(numbers(100))
            .iterator();
    for (int i = 0; i < 50; i++) {
      assertEquals(1, results.next() % 2); // all odd ones, though 50 even ones wait for one permit
    }
    gate.countDown();
    results.forEachRemaining(result -> assertEquals(0, result % 2));
    byKey.values().forEach(limiter -> assertEquals(0, limiter.inUse()));
  }

  @Test
  void limiter_close_givesUpRequestsAndPermits() {
    var limiter = AsyncSemaphore.of(1);
    try (Stream<Integer> results =
        mapping(
                true,
                input -> {
                  if (input == 0) {
                    return input;
                  }
                  new CountDownLatch(1).await();
                  return input;
                })
            .limiter(limiter)
            .over(new Naturals())) {
      assertEquals(0, results.iterator().next());
    }
    assertEquals(0, limiter.waiting());
    assertEquals(0, limiter.inUse());
  }

  @Test
  void limiterByInput_throws_failsThatInput() {
    var results =
        mapping(true, input -> input)
            .limiter(input -> {
              if (input == 1) {
                throw new IllegalStateException("no limiter");
              }
              return AsyncSemaphore.of(1);
            })
            .resultsOver(numbers(3))
            .toList();
    assertInstanceOf(Result.Success.class, results.get(0));
    assertEquals("no limiter", ((Result.Failure<?, ?>) results.get(1)).cause().getMessage());
    assertInstanceOf(Result.Success.class, results.get(2));
  }

  @Test
  void limiter_ofAPoolThatIsSmaller_holdsNoMorePermitsThanWorkers() throws Exception {
    var limiter = AsyncSemaphore.of(100);
    var gate = new CountDownLatch(1);
    var results =
        mapping(
                true,
                input -> {
                  await(gate);
                  return input;
                })
            .limiter(limiter)
            .over(numbers(50));
    Thread reader = Thread.ofVirtual().start(() -> assertEquals(50, results.count()));
    eventually("all workers busy", () -> pool.stats().running() == 4);
    assertEquals(4, limiter.inUse());
    gate.countDown();
    reader.join();
    assertEquals(0, limiter.inUse());
  }

  // Full pools.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void over_poolWithABoundedQueue_waitsForItsOwnTasksInsteadOfFailing(boolean ordered) {
    try (var small = ThreadPool.builder().maxWorkers(2).maxQueued(1).build()) {
      Mapping<Integer, Integer> mapping = small.mapping(input -> input);
      var results = (ordered ? mapping : mapping.unordered()).buffer(50).over(numbers(500));
      assertEquals(numbers(500), results.sorted().toList());
    }
  }

  @Test
  void over_limiterAndPoolWithABoundedQueue_waitsForItsOwnTasks() {
    var limiter = AsyncSemaphore.of(10);
    try (var small = ThreadPool.builder().maxWorkers(1).maxQueued(0).build()) {
      var results =
          small
              .<Integer, Integer>mapping(input -> input)
              .limiter(input -> limiter)
              .over(numbers(300));
      assertEquals(numbers(300), results.toList());
    }
    assertEquals(0, limiter.inUse());
  }

  @Test
  void over_poolFullOfOthersTasks_isTold() throws Exception {
    var gate = new CountDownLatch(1);
    try (var small = ThreadPool.builder().maxWorkers(1).maxQueued(0).build()) {
      small.submit(() -> {
        await(gate);
        return 1;
      });
      var results = small.map(numbers(3), input -> input);
      var thrown = assertThrows(CompletionException.class, results::toList);
      assertInstanceOf(PoolFullException.class, thrown.getCause());
      gate.countDown();
    }
  }

  @Test
  void over_blockingPool_closeFreesTheFeeder() throws Exception {
    var gate = new CountDownLatch(1);
    try (var small =
        ThreadPool.builder().maxWorkers(1).maxQueued(0).whenFull(WhenFull.BLOCK).build()) {
      var other =
          small.submit(() -> {
            gate.await();
            return 1;
          });
      var results = small.map(numbers(3), input -> input);
      Thread reader =
          Thread.ofPlatform()
              .start(() -> assertThrows(CancellationException.class, results::toList));
      eventually("the reader waits", () -> reader.getState() == Thread.State.WAITING);
      results.close();
      reader.join();
      assertFalse(other.isDone());
      gate.countDown();
    }
  }

  // Progress.

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void onProgress_lastReportHasTheFinalNumbersBeforeTheStreamEnds(boolean ordered) {
    var reports = new ArrayList<Progress>();
    var listening = new AtomicInteger();
    var results =
        mapping(
                ordered,
                input -> {
                  if (input % 10 == 0) {
                    throw new IllegalStateException();
                  }
                  return input;
                })
            .onProgress(progress -> {
              assertEquals(1, listening.incrementAndGet());
              reports.add(progress);
              listening.decrementAndGet();
            })
            .resultsOver(numbers(500));
    assertEquals(500, results.toList().size());
    Progress last = reports.getLast();
    assertEquals(500, last.done());
    assertEquals(50, last.failed());
    assertEquals(0, last.running());
    assertEquals(500, last.total().orElseThrow());
    assertTrue(last.perSecond() > 0);
    assertEquals(Duration.ZERO, last.remaining().orElseThrow());
    long before = 0;
    for (Progress report : reports) {
      assertTrue(report.done() >= before && report.failed() <= report.done(), report::toString);
      before = report.done();
    }
  }

  @Test
  void onProgress_listenerThatThrowsOrBlocks_harmsNobodyElse() throws Exception {
    var gate = new CountDownLatch(1);
    var reports = new LinkedBlockingQueue<Long>();
    var iterator =
        mapping(true, input -> input)
            .onProgress(progress -> {
              reports.add(progress.done());
              try {
                await(gate);
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
              throw new IllegalStateException("the listener's own");
            })
            .over(numbers(200))
            .iterator();
    for (int i = 0; i < 200; i++) {
      assertEquals(i, iterator.next());
    }
    eventually("a report", () -> reports.size() == 1);
    gate.countDown();
    assertFalse(iterator.hasNext());
    assertTrue(reports.size() <= 4, "reports: " + reports);
    assertEquals(200, List.copyOf(reports).getLast());
  }

  @Test
  void progress_estimates() {
    var halfway = new Progress(50, 0, 4, java.util.OptionalLong.of(100), Duration.ofSeconds(10));
    assertEquals(5.0, halfway.perSecond());
    assertEquals(Duration.ofSeconds(10), halfway.remaining().orElseThrow());
    var unknown = new Progress(50, 0, 4, java.util.OptionalLong.empty(), Duration.ofSeconds(10));
    assertTrue(unknown.remaining().isEmpty());
    var start = new Progress(0, 0, 0, java.util.OptionalLong.of(5), Duration.ZERO);
    assertEquals(0.0, start.perSecond());
    assertTrue(start.remaining().isEmpty());
  }

  // Gatherers.

  @Test
  void gatherer_inAPipeline_mapsInOrderAndCountsItsPlace() {
    var running = new AtomicInteger();
    var most = new AtomicInteger();
    var results =
        numbers(2_000).stream()
            .gather(
                BoundedGatherers.<Integer, Integer>map(
                    pool,
                    input -> {
                      most.accumulateAndGet(running.incrementAndGet(), Math::max);
                      LockSupport.parkNanos(1);
                      running.decrementAndGet();
                      return input;
                    }))
            .toList();
    assertEquals(numbers(2_000), results);
    assertTrue(most.get() <= 4, "most: " + most);
  }

  @Test
  void gatherer_ofALimiter_holdsItsPermits() {
    var limiter = AsyncSemaphore.of(3);
    var running = new AtomicInteger();
    var most = new AtomicInteger();
    var results =
        numbers(300).stream()
            .gather(
                BoundedGatherers.<Integer, Integer>map(
                    limiter,
                    input -> {
                      most.accumulateAndGet(running.incrementAndGet(), Math::max);
                      LockSupport.parkNanos(1);
                      running.decrementAndGet();
                      return input;
                    }))
            .toList();
    assertEquals(numbers(300), results);
    assertTrue(most.get() <= 3, "most: " + most);
    assertEquals(0, limiter.inUse());
    assertEquals(300, limiter.stats().acquired());
  }

  @Test
  void gatherer_shortCircuitAndEndless_stops() {
    var results =
        Stream.iterate(0, n -> n + 1)
            .gather(pool.<Integer, Integer>mapping(input -> input).gatherer())
            .limit(100)
            .toList();
    assertEquals(numbers(100), results);
    eventually("an empty pool", () -> pool.stats().running() + pool.stats().queued() == 0);
  }

  @Test
  void gatherer_failure_failsThePipeline() {
    var failure = new IllegalStateException("seven");
    var pipeline =
        numbers(100).stream()
            .gather(
                pool.<Integer, Integer>mapping(
                        input -> {
                          if (input == 7) {
                            throw failure;
                          }
                          return input;
                        })
                    .gatherer());
    assertSame(failure, assertThrows(CompletionException.class, pipeline::toList).getCause());
  }

  // Context.

  @Test
  void over_contextHookThatFails_isTold() {
    var failure = new IllegalStateException("hook");
    try (var own =
        ThreadPool.builder()
            .maxWorkers(1)
            .context(task ->
                () -> {
                  throw failure;
                })
            .build()) {
      var results = own.map(numbers(3), input -> input);
      assertSame(failure, assertThrows(CompletionException.class, results::toList).getCause());
    }
    try (var own = ThreadPool.builder().maxWorkers(1).context(task -> () -> {}).build()) {
      var results = own.map(numbers(3), input -> input);
      assertInstanceOf(
          IllegalStateException.class,
          assertThrows(CompletionException.class, results::toList).getCause());
    }
  }
}
