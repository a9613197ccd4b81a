package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Job;
import dev.bouncer.Task;
import java.io.Serializable;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a healthy pool does with tasks, inputs, results and exceptions. One pool for all tests. */
@NullUnmarked
class ProcessPoolTest {
  private static ProcessPool pool;
  private static final List<String> PRINTED = new ArrayList<>();

  @BeforeAll
  static void makePool() {
    pool =
        ProcessPool.builder()
            .maxWorkers(2)
            .name("healthy")
            .output((name, id, line) -> {
              synchronized (PRINTED) {
                PRINTED.add(line);
              }
            })
            .build();
  }

  @AfterAll
  static void closePool() {
    pool.close();
  }

  private static <R> R failureOf(Future<?> future, Class<R> type) throws Exception {
    ExecutionException thrown = assertThrows(ExecutionException.class, future::get);
    return assertInstanceOf(type, thrown.getCause());
  }

  // ---- the main job

  @Test
  void submit_tenCalculationsInTwoWorkers_resultsInOrderFromTwoOtherProcesses() throws Exception {
    List<CompletableFuture<long[]>> futures = new ArrayList<>();
    for (long i = 0; i < 10; i++) {
      futures.add(pool.submit(n -> new long[] {Tasks.square(n), Tasks.pid()}, i));
    }
    Set<Long> pids = new HashSet<>();
    for (int i = 0; i < 10; i++) {
      long[] result = futures.get(i).get();
      assertEquals((long) i * i, result[0]);
      pids.add(result[1]);
    }
    assertTrue(pids.size() <= 2, "pids " + pids);
    assertFalse(pids.contains(Tasks.pid()));
  }

  @Test
  void map_overManyInputs_givesResultsInOrder() {
    try (var results = pool.map(LongStream.range(0, 500).boxed().toList(), Tasks::square)) {
      assertEquals(LongStream.range(0, 500).map(n -> n * n).boxed().toList(), results.toList());
    }
  }

  @Test
  void mapping_withAFailure_throwsItAndStopsTheRest() {
    var mapping =
        pool.mapping((Integer n) -> {
          if (n == 3) {
            throw new IllegalStateException("three");
          }
          return n;
        });
    try (var results = mapping.over(List.of(1, 2, 3, 4))) {
      CompletionException thrown = assertThrows(CompletionException.class, results::toList);
      assertEquals("three", thrown.getCause().getMessage());
    }
  }

  @Test
  void submit_everyForm_runsInAWorker() throws Exception {
    long offset = 40;
    assertEquals(42L, pool.submit(() -> offset + 2).get());
    Job<Long> reference = Tasks::pid;
    assertNotEquals(Tasks.pid(), pool.submit(reference).get());
    assertEquals(9L, pool.submit(Tasks::square, 3L).get());
    assertEquals("null", pool.submit((Task<String, String>) String::valueOf, null).get());
    assertNull(pool.submit((Task<String, String>) text -> null, "x").get());
    assertEquals(3, pool.submit((Callable<Integer> & Serializable) () -> 3).get());
    assertEquals("mine", pool.submit((Runnable & Serializable) () -> {}, "mine").get());
    assertNull(pool.submit((Runnable & Serializable) () -> {}).get());
    assertEquals(6, pool.submit(new Doubler(), 3).get());
  }

  private static final class Doubler implements Task<Integer, Integer> {
    private static final long serialVersionUID = 1;

    @Override
    public Integer apply(Integer input) {
      return input * 2;
    }
  }

  @Test
  void invokeAll_andInvokeAny_workAsForEveryExecutor() throws Exception {
    List<Job<Integer>> jobs = List.of(() -> 1, () -> 2, () -> 3);
    int sum = 0;
    for (Future<Integer> future : pool.invokeAll(jobs)) {
      sum += future.get();
    }
    assertEquals(6, sum);
    Job<Integer> failing =
        () -> {
          throw new IllegalStateException("no");
        };
    assertEquals(7, pool.invokeAny(List.of(failing, (Job<Integer>) () -> 7)));
  }

  @Test
  void execute_failingTask_reachesTheHandlerOfUncaughtExceptions() throws Exception {
    Thread.UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
    CompletableFuture<Throwable> caught = new CompletableFuture<>();
    Thread.setDefaultUncaughtExceptionHandler((thread, failure) -> caught.complete(failure));
    try {
      pool.execute(
          (Runnable & Serializable)
              () -> {
                throw new IllegalStateException("executed");
              });
      assertEquals("executed", caught.get(60, TimeUnit.SECONDS).getMessage());
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(before);
    }
  }

  // ---- values

  @Test
  void values_ofEveryKind_comeBackEqual() throws Exception {
    List<Object> values =
        List.of(
            (byte) -1,
            (short) -2,
            'ß',
            Integer.MIN_VALUE,
            Long.MIN_VALUE,
            -0.0f,
            Double.NaN,
            true,
            false,
            "",
            "grüße \uD83D\uDE00",
            "broken \uD83D surrogate",
            new Tasks.Point(1, 2),
            List.of(1, "two", 3.0),
            new HashMap<>(Map.of("k", List.of(1L))),
            new BigDecimal("1.50"),
            Duration.ofMillis(3),
            Thread.State.BLOCKED);
    for (Object value : values) {
      assertEquals(value, pool.submit((Object v) -> v, value).get());
    }
    assertArrayEquals(new byte[] {1, 2}, pool.submit((byte[] v) -> v, new byte[] {1, 2}).get());
    assertArrayEquals(new int[] {-1, 2}, pool.submit((int[] v) -> v, new int[] {-1, 2}).get());
    assertArrayEquals(new long[] {-1, 2}, pool.submit((long[] v) -> v, new long[] {-1, 2}).get());
    double[] doubles = {-0.0, Double.MIN_VALUE};
    assertArrayEquals(doubles, pool.submit((double[] v) -> v, doubles).get());
  }

  @Test
  void values_ofSixteenMegabytes_comeBackWhole() throws Exception {
    byte[] large = new byte[16 << 20];
    for (int i = 0; i < large.length; i++) {
      large[i] = (byte) (i * 31);
    }
    assertArrayEquals(large, pool.submit((byte[] v) -> v, large).get());
  }

  @Test
  void capturedObject_changedAfterTheSubmit_isSentAsItWas() throws Exception {
    List<Integer> captured = new ArrayList<>(List.of(1));
    Job<Integer> sum = () -> captured.stream().mapToInt(Integer::intValue).sum();
    var first = pool.submit(sum);
    captured.add(10);
    var second = pool.submit(sum);
    captured.clear();
    assertEquals(1, first.get());
    assertEquals(11, second.get());
  }

  @Test
  void capturedObject_changedByATask_isFreshForTheNextOne() throws Exception {
    List<Integer> captured = new ArrayList<>();
    Job<Integer> grow =
        () -> {
          captured.add(1);
          return captured.size();
        };
    for (int i = 0; i < 6; i++) {
      assertEquals(1, pool.submit(grow).get());
    }
    AtomicInteger counter = new AtomicInteger(5);
    assertEquals(6, pool.submit(() -> counter.incrementAndGet()).get());
    assertEquals(5, counter.get());
  }

  // ---- what cannot be sent

  @Test
  void submit_capturingThisOfAnUnserializableClass_namesItAndTheLine() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new Owner().submit(pool));
    assertTrue(
        refused
            .getMessage()
            .matches(
                "task must be serializable: lambda at ProcessPoolTest.java:\\d+ captures `this` of"
                    + " dev.bouncer.process.ProcessPoolTest\\$Owner, which is not Serializable"),
        refused.getMessage());
  }

  private static final class Owner {
    private final int field = 3;

    void submit(ProcessPool pool) {
      var _ = pool.submit(() -> field + 1);
    }
  }

  private static final class Holder implements Serializable {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("serial")
    private final Map<String, Object> parts = Map.of("broken", new Tasks.NotSerializable());

    @Override
    public String toString() {
      return parts.toString();
    }
  }

  @Test
  void submit_inputWithAnUnserializablePart_namesTheWayToIt() {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> pool.submit((Object v) -> v.hashCode(), new Holder()));
    assertEquals(
        "task must be serializable: input of dev.bouncer.process.ProcessPoolTest$Holder, whose field"
            + " `parts[broken]` is a dev.bouncer.process.Tasks$NotSerializable, which is not"
            + " Serializable",
        refused.getMessage());
  }

  @Test
  void submit_plainRunnable_saysWhatToPassInstead() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> pool.execute(() -> {}));
    assertTrue(refused.getMessage().contains("java.lang.Runnable"), refused.getMessage());
    assertTrue(refused.getMessage().contains("ProcessPoolTest.java:"), refused.getMessage());
    assertTrue(refused.getMessage().contains("pass it as a Job or a Task"), refused.getMessage());
  }

  @Test
  void result_thatCannotBeSerialized_failsItsTaskOnly() throws Exception {
    var failure =
        failureOf(
            pool.submit(() -> List.of(new Tasks.NotSerializable())), IllegalStateException.class);
    assertTrue(failure.getMessage().contains("NotSerializable is not Serializable"));
    assertEquals(1, pool.submit(() -> 1).get());
  }

  @Test
  void result_ofAClassThatThePoolDoesNotAccept_isRefusedWithTheWayOut() throws Exception {
    var failure =
        failureOf(
            pool.submit(() -> new java.text.SimpleDateFormat("yyyy", java.util.Locale.ROOT)),
            IllegalStateException.class);
    assertTrue(failure.getMessage().contains("java.text.SimpleDateFormat"), failure.getMessage());
    assertTrue(failure.getMessage().contains("resultTypes"), failure.getMessage());
  }

  @Test
  void result_thatIsALambda_isRefused() throws Exception {
    var failure = failureOf(pool.submit(() -> (Job<Integer>) () -> 1), IllegalStateException.class);
    assertTrue(failure.getMessage().contains("SerializedLambda"), failure.getMessage());
  }

  // ---- exceptions

  @Test
  void exception_ofATask_comesBackAsItself() throws Exception {
    var failure =
        failureOf(
            pool.submit(() -> {
              throw new java.io.IOException("disk", new IllegalStateException("cause"));
            }),
            java.io.IOException.class);
    assertEquals("disk", failure.getMessage());
    assertEquals("cause", failure.getCause().getMessage());
    assertTrue(failure.getStackTrace()[0].getClassName().contains("ProcessPoolTest"));
  }

  @Test
  void exception_thatCannotBeSerialized_isDescribed() throws Exception {
    var failure =
        failureOf(
            pool.submit(() -> {
              throw new Tasks.UnsendableException("secret part");
            }),
            TaskFailedException.class);
    assertEquals(Tasks.UnsendableException.class.getName(), failure.remoteClass());
    assertTrue(failure.getMessage().contains("secret part"));
    assertTrue(failure.remoteTrace().contains("at dev.bouncer.process.ProcessPoolTest"));
  }

  @Test
  void error_stackOverflow_failsItsTaskOnly() throws Exception {
    failureOf(pool.submit((Integer n) -> recurse(n), 0), StackOverflowError.class);
    assertEquals(1, pool.submit(() -> 1).get());
  }

  private static int recurse(int n) {
    return n == Integer.MIN_VALUE ? n : recurse(n + 1) + 1;
  }

  // ---- what tasks may do to their process

  @Test
  void output_ofTasksAndTheirChildProcesses_cannotHurtTheProtocol() throws Exception {
    int lines =
        pool.submit(
                () -> {
                  for (int i = 0; i < 20_000; i++) {
                    System.out.println("noise " + i);
                    System.err.println("more noise " + i);
                  }
                  return new ProcessBuilder("/bin/sh", "-c", "echo from a child; echo more >&2")
                      .inheritIO()
                      .start()
                      .waitFor();
                })
            .get();
    assertEquals(0, lines);
    Await.until(
        "everything that was printed has arrived",
        () -> {
          synchronized (PRINTED) {
            return PRINTED.contains("from a child")
                && PRINTED.contains("noise 19999")
                && PRINTED.contains("more noise 19999");
          }
        });
  }

  @Test
  void standardInput_ofATask_isEmpty() throws Exception {
    assertEquals(-1, pool.submit(() -> System.in.read()).get());
  }

  @Test
  void interruptStatus_leftByATask_doesNotReachTheNext() throws Exception {
    for (int i = 0; i < 4; i++) {
      assertFalse(
          pool.submit(
                  () -> {
                    boolean inherited = Thread.currentThread().isInterrupted();
                    Thread.currentThread().interrupt();
                    return inherited;
                  })
              .get());
    }
  }

  @Test
  void taskContext_inATask_knowsWorkerAndTask() throws Exception {
    long[] ids =
        pool.submit(
                () -> {
                  TaskContext context = TaskContext.current();
                  context.progress(0.5, "half");
                  return new long[] {context.workerId(), context.taskId()};
                })
            .get();
    assertTrue(ids[0] >= 1 && ids[0] <= 2, "worker " + ids[0]);
    assertTrue(ids[1] >= 1);
    assertThrows(IllegalStateException.class, TaskContext::current);
  }

  @Test
  void pool_madeInAWorker_isRefused() throws Exception {
    var failure =
        failureOf(pool.submit(() -> ProcessPool.of(1).maxWorkers()), IllegalStateException.class);
    assertTrue(failure.getMessage().contains("must not be made inside a worker"));
  }

  // ---- futures

  @Test
  void callback_thatBlocks_holdsUpNobodyElse(@TempDir Path folder) throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    String go = folder.resolve("go").toString();
    List<CompletableFuture<Void>> blocked = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      String started = folder.resolve("started" + i).toString();
      blocked.add(
          pool.submit(() -> Tasks.waitFor(Path.of(started), Path.of(go)))
              .thenAccept(one -> {
                try {
                  release.await();
                } catch (InterruptedException stop) {
                  Thread.currentThread().interrupt();
                }
              }));
    }
    Tasks.announce(Path.of(go));
    for (int i = 0; i < 20; i++) {
      assertEquals(5, pool.submit(() -> 5).get(60, TimeUnit.SECONDS));
    }
    assertTrue(blocked.stream().noneMatch(CompletableFuture::isDone));
    release.countDown();
    for (var future : blocked) {
      future.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void stats_afterTasks_addUp() throws Exception {
    var before = pool.stats();
    pool.submit(() -> 1).get();
    failureOf(
        pool.submit(() -> {
          throw new IllegalStateException("no");
        }),
        IllegalStateException.class);
    Await.until("nothing runs", () -> pool.stats().running() == 0);
    var after = pool.stats();
    assertEquals(2, after.submitted() - before.submitted());
    assertEquals(1, after.completed() - before.completed());
    assertEquals(1, after.failed() - before.failed());
    assertEquals("healthy", after.name());
    assertEquals(2, after.maxWorkers());
  }
}
