package dev.bouncer.process;

import dev.bouncer.Job;
import dev.bouncer.Pool;
import dev.bouncer.PoolStats;
import dev.bouncer.Task;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import dev.bouncer.process.worker.WorkerMain;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Pool} whose workers are child JVMs: a task that crashes, calls {@code System.exit}, runs
 * out of memory or hangs can hurt nobody but itself, and can really be stopped.
 *
 * {@snippet :
 * try (var pool = ProcessPool.of(2)) {
 *   var future = pool.submit(n -> n * n, 7);
 *   int result = future.join();
 * }
 * }
 *
 * <p><b>What is sent.</b> Tasks, what they capture, inputs and results travel between processes, so
 * they must be {@link java.io.Serializable}; a lambda or method reference given as a {@link Job} or
 * {@link Task} is. They are copied at the submit. What cannot be sent is refused there, with an
 * {@link IllegalArgumentException} that names the culprit. A result that cannot be sent back, or is
 * of a class that the pool does not accept from a worker ({@link ProcessPoolBuilder#resultTypes}),
 * fails its task only. The code itself is not sent: workers have the class path of this JVM.
 *
 * <p><b>Workers.</b> At most {@link #maxWorkers()} child JVMs live at once; they are started when
 * there is work for them, in parallel, and no {@code submit} waits for that. Each runs one task at
 * a time. Children die with this JVM, however it ends.
 *
 * <p><b>Failure.</b> When a worker dies, the task that it ran fails with a {@link
 * WorkerCrashedException}; all others go on. A task that may have started is never run again. If
 * workers cannot even be started, several times in a row, the pool is broken and everything queued
 * fails with a {@link WorkerStartException}.
 *
 * <p><b>Cancelling.</b> {@code cancel(true)}, and giving the future another end by {@code
 * complete…} or {@code orTimeout}, takes a queued task out of the queue; a running one is
 * interrupted, and if that does not end it within {@link ProcessPoolBuilder#killAfter}, its worker
 * is killed with all its child processes. The future is done at once; the worker's place is free
 * when the task has ended.
 *
 * <p>All methods may be called from any thread. A pool that is forgotten without being closed is
 * shut down when the garbage collector finds it.
 */
public final class ProcessPool implements Pool {
  private static final Cleaner CLEANER = Cleaner.create();

  /** Longer strings are encoded at the submit, so that a failure shows there. */
  private static final int SHORT_STRING = 1_000;

  private final String name;
  private final Dispatcher dispatcher;
  private final ValueWriter values;
  private final FunctionEncoder functions;

  /**
   * Makes a pool.
   *
   * @param maxWorkers how many child JVMs live at once at the most, at least 1
   * @return the pool
   * @throws IllegalArgumentException if the number is below 1
   * @throws IllegalStateException if this JVM is itself a worker
   */
  public static ProcessPool of(int maxWorkers) {
    return builder().maxWorkers(maxWorkers).build();
  }

  /**
   * Starts to describe a pool; without further calls it has as many workers as there are
   * processors.
   *
   * @return the builder
   */
  public static ProcessPoolBuilder builder() {
    return new ProcessPoolBuilder();
  }

  ProcessPool(PoolOptions options, @Nullable Job<?> initializer) {
    String worker = System.getProperty(WorkerMain.MARKER);
    if (worker != null) {
      throw new IllegalStateException(
          "ProcessPool must not be made inside a worker: worker="
              + worker
              + "; if it is made by a static initialiser, the class that submits tasks runs that in"
              + " the worker too: make the pool in main, or where it is used");
    }
    this.name = options.name();
    this.values = new ValueWriter(options.codecs());
    this.functions = new FunctionEncoder(values);
    EncodedFunction encoded = initializer == null ? null : functions.encode(initializer);
    WorkerLauncher launcher = new WorkerLauncher(options); // gets ready while the rest is made
    ShutdownHook hook = new ShutdownHook();
    this.dispatcher = new Dispatcher(options, launcher, encoded, hook::remove);
    hook.add(dispatcher);
    CLEANER.register(this, dispatcher::shutdown);
  }

  /** Kills the workers when this JVM ends in an orderly way; the kernel sees to the other ways. */
  private static final class ShutdownHook {
    private @Nullable Thread thread;

    void add(Dispatcher dispatcher) {
      Thread hook = new Thread(dispatcher::killAll, "bouncer-process-pool-shutdown");
      thread = hook;
      Runtime.getRuntime().addShutdownHook(hook);
    }

    void remove() {
      try {
        if (thread != null) {
          Runtime.getRuntime().removeShutdownHook(thread);
        }
      } catch (IllegalStateException shuttingDown) {
        // It runs already.
      }
    }
  }

  // ------------------------------------------------------------------ submitting

  @Override
  public <R extends @Nullable Object> CompletableFuture<R> submit(Job<R> job) {
    return enqueue(Objects.requireNonNull(job, "job"), false, null);
  }

  @Override
  public <T extends @Nullable Object, R extends @Nullable Object> CompletableFuture<R> submit(
      Task<? super T, ? extends R> task, T input) {
    return enqueue(Objects.requireNonNull(task, "task"), true, input);
  }

  /**
   * Queues a callable, which must be serializable: pass a lambda as a {@link Job} instead.
   *
   * @throws IllegalArgumentException if it cannot be sent to a worker
   */
  @Override
  public <R extends @Nullable Object> CompletableFuture<R> submit(Callable<R> task) {
    return enqueue(Objects.requireNonNull(task, "task"), false, null);
  }

  /**
   * Queues a runnable, which must be serializable. The result stays in this JVM.
   *
   * @throws IllegalArgumentException if it cannot be sent to a worker
   */
  @Override
  public <R extends @Nullable Object> CompletableFuture<R> submit(Runnable task, R result) {
    return enqueue(Objects.requireNonNull(task, "task"), result);
  }

  /**
   * Queues a runnable, which must be serializable.
   *
   * @throws IllegalArgumentException if it cannot be sent to a worker
   */
  @Override
  public CompletableFuture<?> submit(Runnable task) {
    return this.<@Nullable Object>enqueue(Objects.requireNonNull(task, "task"), null);
  }

  /**
   * Queues a runnable, which must be serializable. What it throws, and the crash of its worker, go
   * to the default handler of uncaught exceptions.
   *
   * @throws IllegalArgumentException if it cannot be sent to a worker
   */
  @Override
  public void execute(Runnable task) {
    var _ =
        submit(task)
            .whenComplete((_, failure) -> {
              if (failure != null && !(failure instanceof CancellationException)) {
                Thread thread = Thread.currentThread();
                thread.getUncaughtExceptionHandler().uncaughtException(thread, failure);
              }
            });
  }

  private <R extends @Nullable Object> PoolTask<R> enqueue(Runnable runnable, R result) {
    PoolTask<R> task =
        new PoolTask<>(
            dispatcher, functions.encode(runnable), new PoolTask.Preset(runnable, result));
    FlightRecording.submitted(name, task);
    dispatcher.submit(task);
    return task;
  }

  private <R extends @Nullable Object> PoolTask<R> enqueue(
      Object function, boolean hasInput, @Nullable Object input) {
    EncodedFunction encoded = functions.encode(function);
    boolean sendAsItIs =
        ValueWriter.isImmutable(input)
            && !(input instanceof String string && string.length() > SHORT_STRING);
    PoolTask<R> task =
        new PoolTask<>(
            dispatcher, encoded, hasInput, sendAsItIs ? input : encode(input), !sendAsItIs);
    FlightRecording.submitted(name, task);
    dispatcher.submit(task);
    return task;
  }

  private byte[] encode(@Nullable Object input) {
    WireOutput output =
        new WireOutput(
            input instanceof byte[] array
                ? (int) Math.min(ValueWriter.sizeOf(array), WireOutput.MAX_BYTES)
                : 256);
    try {
      values.write(output, input);
    } catch (IOException | RuntimeException | StackOverflowError failure) {
      throw Culprit.inInput(input, failure);
    }
    return output.toBytes();
  }

  // ------------------------------------------------------------------ size and numbers

  @Override
  public int maxWorkers() {
    return dispatcher.maxWorkers();
  }

  @Override
  public void setMaxWorkers(int maxWorkers) {
    dispatcher.setMaxWorkers(checkMaxWorkers(maxWorkers));
  }

  @Override
  public PoolStats stats() {
    return dispatcher.stats();
  }

  /**
   * Returns what the pool knows of each worker at this moment, those that start or end included.
   *
   * @return an immutable list, in the order of their start
   */
  public List<WorkerInfo> workers() {
    return dispatcher.workers();
  }

  /**
   * Describes the pool and each of its workers, a line each: for a log, when something hangs.
   *
   * @return the lines
   */
  public String dump() {
    StringBuilder text = new StringBuilder(stats().toString());
    text.append(" aotCache=").append(dispatcher.launcher().describeAotCache());
    workers().forEach(worker -> text.append("\n  ").append(worker));
    return text.toString();
  }

  static int checkMaxWorkers(int maxWorkers) {
    if (maxWorkers < 1) {
      throw new IllegalArgumentException("maxWorkers must be at least 1: maxWorkers=" + maxWorkers);
    }
    return maxWorkers;
  }

  /**
   * Makes the AOT cache that workers start with now, if there is none yet, rather than some time
   * later in the background ({@link ProcessPoolBuilder#aotCache}): for programs that live too short
   * for that, when they are installed. Takes two or three seconds. Needs the pool to be open.
   *
   * @return whether workers are started with a cache from now on; {@link #dump()} says why not
   * @throws InterruptedException if this thread was interrupted
   */
  public boolean trainAotCache() throws InterruptedException {
    return dispatcher.launcher().trainAotCache();
  }

  // ------------------------------------------------------------------ the end

  @Override
  public void shutdown() {
    dispatcher.shutdown();
  }

  /**
   * Interrupts the tasks that run and kills those that do not end within {@link
   * ProcessPoolBuilder#killAfter}; cancels the futures of the tasks that never started.
   *
   * @return the tasks that never started: the runnables that were submitted, and for other tasks
   *     objects that only name them and do nothing when they are run
   */
  @Override
  public List<Runnable> shutdownNow() {
    List<Runnable> neverStarted = new ArrayList<>();
    for (PoolTask<?> task : dispatcher.shutdownNow()) {
      neverStarted.add(task.preset == null ? task : task.preset.runnable());
    }
    return neverStarted;
  }

  /** As {@link #shutdownNow}, but gives no task the time to end by itself. */
  void kill() {
    var _ = dispatcher.shutdownNow();
    dispatcher.killAll();
  }

  @Override
  public boolean isShutdown() {
    return dispatcher.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return dispatcher.isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return dispatcher.awaitTermination(unit.toNanos(timeout));
  }

  @Override
  public String toString() {
    return "ProcessPool[" + stats() + "]";
  }
}
