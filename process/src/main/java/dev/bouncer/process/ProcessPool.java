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
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
 * of a class that the pool does not accept from a worker ({@link Builder#resultTypes}), fails its
 * task only. The code itself is not sent: workers have the class path of this JVM.
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
 * interrupted, and if that does not end it within {@link Builder#killAfter}, its worker is killed
 * with all its child processes. The future is done at once; the worker's place is free when the
 * task has ended.
 *
 * <p>All methods may be called from any thread. A pool that is forgotten without being closed is
 * shut down when the garbage collector finds it.
 */
public final class ProcessPool implements Pool {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final AtomicInteger UNNAMED = new AtomicInteger();

  /** Longer strings are encoded at the submit, so that a failure shows there. */
  private static final int SHORT_STRING = 1_000;

  private final Dispatcher dispatcher;
  private final FunctionEncoder functions = new FunctionEncoder();

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
  public static Builder builder() {
    return new Builder();
  }

  private ProcessPool(PoolOptions options, @Nullable Job<?> initializer) {
    String worker = System.getProperty(WorkerMain.MARKER);
    if (worker != null) {
      throw new IllegalStateException(
          "ProcessPool must not be made inside a worker: worker="
              + worker
              + "; if it is made by a static initialiser, the class that submits tasks runs that in"
              + " the worker too: make the pool in main, or where it is used");
    }
    ShutdownHook hook = new ShutdownHook();
    this.dispatcher =
        new Dispatcher(
            options, initializer == null ? null : functions.encode(initializer), hook::remove);
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
    dispatcher.submit(task);
    return task;
  }

  private static byte[] encode(@Nullable Object input) {
    WireOutput output = new WireOutput(256);
    try {
      ValueWriter.write(output, input);
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
    workers().forEach(worker -> text.append("\n  ").append(worker));
    return text.toString();
  }

  private static int checkMaxWorkers(int maxWorkers) {
    if (maxWorkers < 1) {
      throw new IllegalArgumentException("maxWorkers must be at least 1: maxWorkers=" + maxWorkers);
    }
    return maxWorkers;
  }

  // ------------------------------------------------------------------ the end

  @Override
  public void shutdown() {
    dispatcher.shutdown();
  }

  /**
   * Interrupts the tasks that run and kills those that do not end within {@link Builder#killAfter};
   * cancels the futures of the tasks that never started.
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

  /** Describes a pool. Not thread-safe; may be used for several pools. */
  public static final class Builder {
    private static final int MAX_MESSAGE = 256 << 20;

    private @Nullable String name;
    private int maxWorkers = Runtime.getRuntime().availableProcessors();
    private List<Path> classPath = List.of();
    private List<String> jvmOptions = List.of();
    private List<String> resultTypes = List.of();
    private int maxMessageBytes = MAX_MESSAGE;
    private Duration startTimeout = Duration.ofSeconds(30);
    private Duration killAfter = Duration.ofMillis(200);
    private WorkerOutput output = WorkerOutput.INHERIT;

    private int minWorkers;
    private int spare;
    private OptionalLong maxHeap = OptionalLong.empty();
    private OptionalLong maxRss = OptionalLong.empty();
    private OptionalInt maxTasksPerWorker = OptionalInt.empty();
    private @Nullable Duration taskTimeout;
    private @Nullable Duration idleTimeout;
    private @Nullable Job<?> initializer;

    private Builder() {}

    /**
     * Sets how many workers live at once at the most. Default: the number of processors.
     *
     * @param maxWorkers the number, at least 1
     * @return this
     * @throws IllegalArgumentException if the number is below 1
     */
    public Builder maxWorkers(int maxWorkers) {
      this.maxWorkers = checkMaxWorkers(maxWorkers);
      return this;
    }

    /**
     * Sets how many workers are started with the pool and kept even when they have nothing to do.
     * Default: none.
     *
     * @param minWorkers the number, from 0 to the greatest number of workers
     * @return this
     * @throws IllegalArgumentException if the number is below 0
     */
    public Builder minWorkers(int minWorkers) {
      if (minWorkers < 0) {
        throw new IllegalArgumentException(
            "minWorkers must be at least 0: minWorkers=" + minWorkers);
      }
      this.minWorkers = minWorkers;
      return this;
    }

    /**
     * Keeps one more worker than run tasks, ready to take over when one dies or is killed, so that
     * nothing waits for the start of a JVM. There are then up to {@code maxWorkers + 1} processes,
     * and still never more than {@code maxWorkers} that run tasks. Default: none.
     *
     * @param spare whether to keep a spare worker
     * @return this
     */
    public Builder spare(boolean spare) {
      this.spare = spare ? 1 : 0;
      return this;
    }

    /**
     * Sets how long a task may run. One that runs longer fails with a {@link
     * java.util.concurrent.TimeoutException}, is interrupted, and killed with its worker if that
     * does not end it within {@link #killAfter}. Time in the queue does not count. Default: no
     * limit.
     *
     * @param timeout the duration, above zero
     * @return this
     * @throws IllegalArgumentException if it is zero or less
     */
    public Builder taskTimeout(Duration timeout) {
      this.taskTimeout = checkPositive("taskTimeout", timeout);
      return this;
    }

    /**
     * Sets after how long a worker that has nothing to do is ended. Default: never.
     *
     * @param timeout the duration, above zero
     * @return this
     * @throws IllegalArgumentException if it is zero or less
     */
    public Builder idleTimeout(Duration timeout) {
      this.idleTimeout = checkPositive("idleTimeout", timeout);
      return this;
    }

    /**
     * Sets after how many tasks a worker is replaced by a fresh one. Default: never.
     *
     * @param tasks the number, at least 1
     * @return this
     * @throws IllegalArgumentException if the number is below 1
     */
    public Builder maxTasksPerWorker(int tasks) {
      if (tasks < 1) {
        throw new IllegalArgumentException(
            "maxTasksPerWorker must be at least 1: maxTasksPerWorker=" + tasks);
      }
      this.maxTasksPerWorker = OptionalInt.of(tasks);
      return this;
    }

    /**
     * Sets the heap that each worker may use. A task that needs more ends its worker and fails with
     * a {@link WorkerCrashedException} that says so. Default: 60 % of the machine's memory, or of
     * the container's, divided by the number of workers.
     *
     * @param bytes the size, at least 16 MiB
     * @return this
     * @throws IllegalArgumentException if it is less
     */
    public Builder maxHeap(long bytes) {
      this.maxHeap = OptionalLong.of(checkMemory("maxHeap", bytes));
      return this;
    }

    /**
     * Sets how much memory the process of a worker may hold, native memory included; looked at ten
     * times a second, where the system tells it (Linux). A worker that holds more is killed if it
     * runs a task, which fails with a {@link WorkerCrashedException}, and replaced if it does not.
     * Default: no limit.
     *
     * @param bytes the size, at least 16 MiB
     * @return this
     * @throws IllegalArgumentException if it is less
     */
    public Builder maxRss(long bytes) {
      this.maxRss = OptionalLong.of(checkMemory("maxRss", bytes));
      return this;
    }

    /**
     * Sets what each worker does before its first task: load a model, open a connection, warm up. A
     * worker whose initializer throws, or takes longer than {@link #startTimeout}, counts as one
     * that could not be started. Default: nothing.
     *
     * @param initializer what to run, once in each worker
     * @return this
     */
    public Builder initializer(Job<?> initializer) {
      this.initializer = Objects.requireNonNull(initializer, "initializer");
      return this;
    }

    private static Duration checkPositive(String name, Duration duration) {
      if (duration.isZero() || duration.isNegative()) {
        throw new IllegalArgumentException(name + " must be above zero: " + name + "=" + duration);
      }
      return duration;
    }

    private static long checkMemory(String name, long bytes) {
      if (bytes < 16 << 20) {
        throw new IllegalArgumentException(
            name + " must be at least 16 MiB: " + name + "=" + bytes);
      }
      return bytes;
    }

    /**
     * Sets the name of the pool, for messages and the names of its threads.
     *
     * @param name the name
     * @return this
     */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      return this;
    }

    /**
     * Sets the class path of the workers. Default: that of this JVM. Bouncer itself is always
     * added.
     *
     * @param classPath folders and jars
     * @return this
     */
    public Builder classPath(List<Path> classPath) {
      this.classPath = List.copyOf(classPath);
      return this;
    }

    /**
     * Adds options to the command line of the workers' JVMs, as {@code -Xmx1g} or {@code
     * -Dname=value}. They come after the pool's own, so they win. They are written to a file that
     * only the owner can read, not to the command line.
     *
     * @param jvmOptions the options
     * @return this
     */
    public Builder jvmOptions(String... jvmOptions) {
      this.jvmOptions = List.of(jvmOptions);
      return this;
    }

    /**
     * Allows results to contain more classes. Without this, a pool accepts from a worker: the value
     * types and collections of the JDK, arrays, records, enums, exceptions, and classes of the
     * package in which the task was written.
     *
     * @param patterns names of classes, or of packages when they end in {@code .*} (that package)
     *     or {@code .**} (and those below)
     * @return this
     */
    public Builder resultTypes(String... patterns) {
      this.resultTypes = List.of(patterns);
      return this;
    }

    /**
     * Sets how many bytes one result may have. Default: 256 MiB.
     *
     * @param bytes the number, from 1,024 to 1 GiB
     * @return this
     * @throws IllegalArgumentException if the number is out of range
     */
    public Builder maxResultBytes(int bytes) {
      if (bytes < 1_024 || bytes > WireOutput.MAX_BYTES) {
        throw new IllegalArgumentException(
            "maxResultBytes must be from 1024 to 1 GiB: maxResultBytes=" + bytes);
      }
      this.maxMessageBytes = bytes;
      return this;
    }

    /**
     * Sets how long a worker may take to start before it is killed. Default: 30 seconds.
     *
     * @param timeout the duration, above zero
     * @return this
     * @throws IllegalArgumentException if it is zero or less
     */
    public Builder startTimeout(Duration timeout) {
      this.startTimeout = checkPositive("startTimeout", timeout);
      return this;
    }

    /**
     * Sets how long a task that was interrupted has to end before its worker is killed. Default:
     * 200 milliseconds.
     *
     * @param grace the duration; zero kills at once
     * @return this
     * @throws IllegalArgumentException if it is below zero
     */
    public Builder killAfter(Duration grace) {
      if (grace.isNegative()) {
        throw new IllegalArgumentException("killAfter must not be below zero: killAfter=" + grace);
      }
      this.killAfter = grace;
      return this;
    }

    /**
     * Sets what happens to what workers print. Default: {@link WorkerOutput#INHERIT}.
     *
     * @param output takes the lines
     * @return this
     */
    public Builder output(WorkerOutput output) {
      this.output = Objects.requireNonNull(output, "output");
      return this;
    }

    /**
     * Makes the pool. Never waits for workers to start.
     *
     * @return the pool
     * @throws IllegalArgumentException if {@code minWorkers} is above {@code maxWorkers}, or the
     *     initializer cannot be sent to a worker
     * @throws IllegalStateException if this JVM is itself a worker, or has no {@code java} launcher
     */
    public ProcessPool build() {
      if (minWorkers > maxWorkers) {
        throw new IllegalArgumentException(
            "minWorkers must be at most maxWorkers: minWorkers="
                + minWorkers
                + " maxWorkers="
                + maxWorkers);
      }
      return new ProcessPool(
          new PoolOptions(
              name == null ? "process-pool-" + UNNAMED.incrementAndGet() : name,
              maxWorkers,
              minWorkers,
              spare,
              classPath,
              jvmOptions,
              maxHeap,
              maxRss,
              maxTasksPerWorker,
              resultTypes,
              maxMessageBytes,
              startTimeout,
              taskTimeout,
              idleTimeout,
              killAfter,
              output),
          initializer);
    }
  }
}
