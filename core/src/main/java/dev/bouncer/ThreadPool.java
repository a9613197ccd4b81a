package dev.bouncer;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks on threads of this JVM, never more than {@link #maxWorkers()} at once.
 *
 * <p>The threads are virtual unless told otherwise. A thread starts only when its task may run; a
 * task that waits costs one object in a queue and no thread. A thread that has ended its task takes
 * up the next one of the queue, and ends when the queue is empty. In thread dumps it bears the name
 * of the task it runs: {@code pool-name/task 17}.
 *
 * <pre>{@code
 * try (var pool = ThreadPool.of(5)) {
 *   List<Page> pages = pool.map(urls, this::fetch).toList();   // in input order
 * }
 * }</pre>
 *
 * <p>An interrupt never leaks from one task to the next. Thread locals do, as in every pool that
 * reuses threads: a task that sets one should remove it.
 */
public final class ThreadPool implements Pool {
  private static final AtomicInteger UNNAMED = new AtomicInteger();

  private final String name;
  private final Admission admission;
  private final Workers workers;
  private final String taskPrefix;
  private final boolean namesThreads;
  private final @Nullable PermitRequests permits;
  private final UnaryOperator<Runnable> context;

  private ThreadPool(Builder builder) {
    name = builder.name != null ? builder.name : "pool-" + UNNAMED.incrementAndGet();
    taskPrefix = name + "/task ";
    admission =
        new Admission(
            name, builder.maxWorkers, builder.maxQueued, builder.whenFull, builder.limiter != null);
    namesThreads = builder.threadFactory == null;
    workers = builder.workers != null ? builder.workers : workers(builder);
    permits =
        builder.limiter == null
            ? null
            : new PermitRequests(builder.limiter, admission, this::startThread);
    context = builder.context;
  }

  private static Workers workers(Builder builder) {
    ThreadFactory factory =
        builder.threadFactory != null ? builder.threadFactory : defaultFactory(builder.platform);
    return builder.platform
        ? new ReusedThreads(factory, builder.maxWorkers)
        : new FreshThreads(factory);
  }

  /**
   * Threads that inherit nothing from the thread that starts them, which may be that of another
   * task, and use the class loader of the pool's creator.
   */
  private static ThreadFactory defaultFactory(boolean platform) {
    ThreadFactory threads =
        platform
            ? Thread.ofPlatform().inheritInheritableThreadLocals(false).factory()
            : Thread.ofVirtual().inheritInheritableThreadLocals(false).factory();
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    if (loader == ClassLoader.getSystemClassLoader()) {
      return threads;
    }
    return work -> {
      Thread thread = threads.newThread(work);
      thread.setContextClassLoader(loader);
      return thread;
    };
  }

  /**
   * Creates a pool on virtual threads with an unbounded queue.
   *
   * @param maxWorkers how many tasks run at once at the most, at least 1
   * @return the pool
   * @throws IllegalArgumentException if the number is below 1
   */
  public static ThreadPool of(int maxWorkers) {
    return builder().maxWorkers(maxWorkers).build();
  }

  /**
   * Returns a builder of pools; unless told otherwise it builds one on virtual threads, with as
   * many workers as the machine has processors, and an unbounded queue.
   *
   * @return a new builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Returns the name that messages, statistics and thread dumps show.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  @Override
  public int maxWorkers() {
    return admission.maxWorkers();
  }

  @Override
  public void setMaxWorkers(int maxWorkers) {
    checkMaxWorkers(maxWorkers);
    workers.resize(maxWorkers);
    Admission.Resized resized = admission.resize(maxWorkers);
    resized.permits().forEach(Permit::close);
    proceed(resized.startThread());
  }

  private static void checkMaxWorkers(int maxWorkers) {
    if (maxWorkers < 1) {
      throw new IllegalArgumentException("maxWorkers must be at least 1: maxWorkers=" + maxWorkers);
    }
  }

  @Override
  public <R extends @Nullable Object> CompletableFuture<R> submit(Job<R> job) {
    return submit((Callable<R>) job);
  }

  @Override
  public <T extends @Nullable Object, R extends @Nullable Object> CompletableFuture<R> submit(
      Task<? super T, ? extends R> task, T input) {
    Objects.requireNonNull(task, "task");
    return submit((Callable<R>) () -> task.apply(input));
  }

  @Override
  public <R extends @Nullable Object> CompletableFuture<R> submit(Callable<R> task) {
    Objects.requireNonNull(task, "task");
    return enqueue(new PooledTask<>(this, Context.carry(context, task), null));
  }

  @Override
  public <R extends @Nullable Object> CompletableFuture<R> submit(Runnable task, R result) {
    Objects.requireNonNull(task, "task");
    return submit(
        (Callable<R>)
            () -> {
              task.run();
              return result;
            });
  }

  @Override
  public CompletableFuture<?> submit(Runnable task) {
    return this.<@Nullable Object>submit(task, null);
  }

  /**
   * Queues a task whose result nobody waits for. What it throws goes to the thread's handler for
   * uncaught exceptions.
   *
   * @param command what to run
   * @throws RejectedExecutionException if the pool was shut down or is full
   */
  @Override
  public void execute(Runnable command) {
    Objects.requireNonNull(command, "command");
    Callable<@Nullable Object> body =
        () -> {
          command.run();
          return null;
        };
    var _ = enqueue(new PooledTask<>(this, Context.carry(context, body), command));
  }

  @Override
  public <T extends @Nullable Object, R extends @Nullable Object> Mapping<T, R> mapping(
      Task<? super T, ? extends R> task) {
    return PoolMapping.of(this, task, context);
  }

  private <R extends @Nullable Object> CompletableFuture<R> enqueue(PooledTask<R> task) {
    Admission.Answer answer = admission.offer(task);
    if (answer.dropped() != null) {
      boolean _ = answer.dropped().fail(admission.droppedForNewcomer());
    }
    proceed(answer.startThread());
    return task;
  }

  // From place to thread.

  /** Does what a change of the admission calls for. */
  private void proceed(boolean startThread) {
    if (startThread) {
      startThread();
    }
    if (permits != null) {
      permits.ask();
    }
  }

  /** Starts a thread, or fails as many tasks as no thread can be started for. */
  private void startThread() {
    boolean again = true;
    while (again) {
      try {
        workers.start(this::work);
        return;
      } catch (Throwable thrown) {
        again = failOneReady(thrown);
      }
    }
  }

  private boolean failOneReady(Throwable noThread) {
    Admission.First first = admission.threadStarted();
    boolean again = first.startAnother();
    if (first.task() != null) {
      var refusal = new RejectedExecutionException("no thread could be started: pool=" + name);
      refusal.initCause(noThread);
      first.task().abort(refusal);
      again |= admission.failed(first.task());
      if (permits != null) {
        permits.ask();
      }
    }
    return again;
  }

  String taskPrefix() {
    return taskPrefix;
  }

  /** The life of a thread: runs the tasks that are ready until there is none. */
  private void work() {
    Thread thread = Thread.currentThread();
    Admission.First first = admission.threadStarted();
    if (first.startAnother()) {
      startThread();
    }
    PooledTask<?> task = first.task();
    while (task != null) {
      if (namesThreads) {
        thread.setName(task.name());
      }
      Throwable uncaught = task.runBody();
      if (uncaught != null) {
        report(thread, uncaught);
      }
      task = admission.ended(task);
      if (permits != null) {
        permits.ask();
      }
    }
  }

  private static void report(Thread thread, Throwable uncaught) {
    try {
      thread.getUncaughtExceptionHandler().uncaughtException(thread, uncaught);
    } catch (Throwable ignored) {
      // As the JDK does: what a handler throws has nowhere to go.
    }
  }

  /** Takes a task out that has not started; false when it is too late for that. */
  boolean withdraw(PooledTask<?> task) {
    Admission.Withdrawal withdrawal = admission.withdraw(task);
    proceed(withdrawal == Admission.Withdrawal.START_THREAD);
    return withdrawal != Admission.Withdrawal.TOO_LATE;
  }

  // The end.

  @Override
  public void shutdown() {
    admission.shutdown();
    workers.shutdown();
  }

  /**
   * Refuses new tasks, interrupts those that run, and cancels those that wait: no future stays
   * pending. Does not wait; see {@link #awaitTermination}.
   *
   * @return the tasks that never started, oldest first: what was given to {@link #execute} itself,
   *     for the others a {@code Runnable} that runs the task by hand and whose {@code toString} is
   *     its name
   */
  @Override
  public List<Runnable> shutdownNow() {
    Admission.Stopped stopped = admission.stop();
    workers.shutdown();
    for (PooledTask<?> task : stopped.running()) {
      task.interrupt();
    }
    for (PooledTask<?> task : stopped.neverStarted()) {
      boolean _ = task.drop("the pool was shut down before the task started: task=" + task.name());
      task.cancelRequest();
    }
    return stopped.neverStarted().stream().map(PooledTask::neverStarted).toList();
  }

  @Override
  public boolean isShutdown() {
    return admission.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return admission.isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return admission.awaitTermination(unit.toNanos(timeout));
  }

  /**
   * Shuts down and waits until the last task has ended. If the thread is interrupted while it
   * waits, it stops the tasks as {@link #shutdownNow} does, goes on waiting for their end, and
   * leaves with its interrupt status set.
   *
   * @throws IllegalStateException if a task of this pool calls it: it would wait for itself
   */
  @Override
  public void close() {
    if (!isTerminated() && admission.isHeldBy(Thread.currentThread())) {
      throw new IllegalStateException("a task must not close its own pool: pool=" + name);
    }
    Pool.super.close();
  }

  @Override
  public PoolStats stats() {
    return admission.stats();
  }

  @Override
  public String toString() {
    return stats().toString();
  }

  /** Builds {@link ThreadPool}s. Not thread-safe. */
  public static final class Builder {
    private int maxWorkers = Runtime.getRuntime().availableProcessors();
    private @Nullable String name;
    private int maxQueued = Integer.MAX_VALUE;
    private WhenFull whenFull = WhenFull.REJECT;
    private boolean platform;
    private @Nullable ThreadFactory threadFactory;
    private @Nullable Limiter limiter;
    private UnaryOperator<Runnable> context = Context.NONE;
    private @Nullable Workers workers;

    private Builder() {}

    /**
     * Sets how many tasks run at once at the most. Default: the number of processors.
     *
     * @param maxWorkers the number, at least 1
     * @return this
     * @throws IllegalArgumentException if the number is below 1
     */
    public Builder maxWorkers(int maxWorkers) {
      checkMaxWorkers(maxWorkers);
      this.maxWorkers = maxWorkers;
      return this;
    }

    /**
     * Sets the name that messages, statistics and thread dumps show. Default: {@code pool-1} and so
     * on.
     *
     * @param name the name
     * @return this
     */
    public Builder name(String name) {
      this.name = Objects.requireNonNull(name, "name");
      return this;
    }

    /**
     * Bounds the queue. Default: no bound.
     *
     * @param maxQueued how many tasks may wait, at least 0
     * @return this
     * @throws IllegalArgumentException if the number is negative
     * @see #whenFull
     */
    public Builder maxQueued(int maxQueued) {
      if (maxQueued < 0) {
        throw new IllegalArgumentException(
            "maxQueued must not be negative: maxQueued=" + maxQueued);
      }
      this.maxQueued = maxQueued;
      return this;
    }

    /**
     * Sets what happens to a task that is submitted while the queue is full. Default: {@link
     * WhenFull#REJECT}.
     *
     * <p>With {@link WhenFull#BLOCK} the submitting thread waits for room; if it is interrupted
     * then, the submit fails with a {@link RejectedExecutionException} and the interrupt status
     * stays set. A task that submits to its own full pool then can wait for ever.
     *
     * @param whenFull what to do
     * @return this
     */
    public Builder whenFull(WhenFull whenFull) {
      this.whenFull = Objects.requireNonNull(whenFull, "whenFull");
      return this;
    }

    /**
     * Runs the tasks on platform threads, which are kept for a minute when idle. For tasks that
     * compute for long, or that call native code that blocks.
     *
     * @return this
     */
    public Builder platformThreads() {
      platform = true;
      return this;
    }

    /**
     * Takes the threads from a factory, which also decides their names.
     *
     * @param threadFactory makes the threads; one that fails, or returns null, fails the task that
     *     should have run, with a {@link RejectedExecutionException}
     * @return this
     */
    public Builder threadFactory(ThreadFactory threadFactory) {
      this.threadFactory = Objects.requireNonNull(threadFactory, "threadFactory");
      return this;
    }

    /**
     * Makes every task hold a permit of a limiter while it runs, so that several pools and
     * asynchronous callers can share one limit. The permit is acquired before the task's thread
     * exists; a task that waits for one occupies a place of the pool and counts as queued. If the
     * limiter refuses, the task fails with what it refused with.
     *
     * @param limiter where the permits come from; the pool does not close it
     * @return this
     */
    public Builder limiter(Limiter limiter) {
      this.limiter = Objects.requireNonNull(limiter, "limiter");
      return this;
    }

    /**
     * Carries the submitter's context to the task. The hook is called on the thread that submits,
     * and returns what the task's thread shall run: something that sets the context up, runs the
     * {@code Runnable} it was given, and takes the context down. With a {@link ScopedValue}:
     *
     * <pre>{@code
     * ThreadPool.builder().context(task -> {
     *   User user = USER.get();
     *   return () -> ScopedValue.where(USER, user).run(task);
     * })
     * }</pre>
     *
     * <p>For a {@link Pool#map map} or {@link Pool#mapping mapping} the submitter is the thread
     * that reads the stream. What the hook returns may then be run several times, one after the
     * other.
     *
     * @param hook wraps a task
     * @return this
     */
    public Builder context(UnaryOperator<Runnable> hook) {
      this.context = Objects.requireNonNull(hook, "hook");
      return this;
    }

    /** For tests that decide themselves when a thread starts. */
    Builder workers(Workers workers) {
      this.workers = workers;
      return this;
    }

    /**
     * Builds the pool.
     *
     * @return a new pool
     */
    public ThreadPool build() {
      return new ThreadPool(this);
    }
  }
}
