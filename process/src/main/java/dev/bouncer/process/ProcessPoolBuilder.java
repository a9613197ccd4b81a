package dev.bouncer.process;

import dev.bouncer.Job;
import dev.bouncer.process.wire.Codecs;
import dev.bouncer.process.wire.WireOutput;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Describes a pool. Not thread-safe; may be used for several pools. */
public final class ProcessPoolBuilder {
  private static final AtomicInteger UNNAMED = new AtomicInteger();
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
  private boolean aotCache = true;

  private int minWorkers;
  private int spare;
  private OptionalLong maxHeap = OptionalLong.empty();
  private OptionalLong maxRss = OptionalLong.empty();
  private OptionalInt maxTasksPerWorker = OptionalInt.empty();
  private @Nullable Duration taskTimeout;
  private @Nullable Duration idleTimeout;
  private @Nullable Job<?> initializer;
  private Codecs codecs = Codecs.NONE;
  private MemoryFolder memoryFolder = MemoryFolder.ofSystem();

  ProcessPoolBuilder() {}

  /**
   * Sets how many workers live at once at the most. Default: the number of processors.
   *
   * @param maxWorkers the number, at least 1
   * @return this
   * @throws IllegalArgumentException if the number is below 1
   */
  public ProcessPoolBuilder maxWorkers(int maxWorkers) {
    this.maxWorkers = ProcessPool.checkMaxWorkers(maxWorkers);
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
  public ProcessPoolBuilder minWorkers(int minWorkers) {
    if (minWorkers < 0) {
      throw new IllegalArgumentException("minWorkers must be at least 0: minWorkers=" + minWorkers);
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
  public ProcessPoolBuilder spare(boolean spare) {
    this.spare = spare ? 1 : 0;
    return this;
  }

  /**
   * Sets how long a task may run. One that runs longer fails with a {@link
   * java.util.concurrent.TimeoutException}, is interrupted, and killed with its worker if that does
   * not end it within {@link #killAfter}. Time in the queue does not count. Default: no limit.
   *
   * @param timeout the duration, above zero
   * @return this
   * @throws IllegalArgumentException if it is zero or less
   */
  public ProcessPoolBuilder taskTimeout(Duration timeout) {
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
  public ProcessPoolBuilder idleTimeout(Duration timeout) {
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
  public ProcessPoolBuilder maxTasksPerWorker(int tasks) {
    if (tasks < 1) {
      throw new IllegalArgumentException(
          "maxTasksPerWorker must be at least 1: maxTasksPerWorker=" + tasks);
    }
    this.maxTasksPerWorker = OptionalInt.of(tasks);
    return this;
  }

  /**
   * Sets the heap that each worker may use. A task that needs more ends its worker and fails with a
   * {@link WorkerCrashedException} that says so. Default: 60 % of the machine's memory, or of the
   * container's, divided by the number of workers.
   *
   * @param bytes the size, at least 16 MiB
   * @return this
   * @throws IllegalArgumentException if it is less
   */
  public ProcessPoolBuilder maxHeap(long bytes) {
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
  public ProcessPoolBuilder maxRss(long bytes) {
    this.maxRss = OptionalLong.of(checkMemory("maxRss", bytes));
    return this;
  }

  /**
   * Sets what each worker does before its first task: load a model, open a connection, warm up. A
   * worker whose initializer throws, or takes longer than {@link #startTimeout}, counts as one that
   * could not be started. Default: nothing.
   *
   * @param initializer what to run, once in each worker
   * @return this
   */
  public ProcessPoolBuilder initializer(Job<?> initializer) {
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
      throw new IllegalArgumentException(name + " must be at least 16 MiB: " + name + "=" + bytes);
    }
    return bytes;
  }

  /**
   * Sets the name of the pool, for messages and the names of its threads.
   *
   * @param name the name
   * @return this
   */
  public ProcessPoolBuilder name(String name) {
    this.name = Objects.requireNonNull(name, "name");
    return this;
  }

  /**
   * Sets the class path of the workers. Default: that of this JVM. Bouncer itself is always added.
   *
   * @param classPath folders and jars
   * @return this
   */
  public ProcessPoolBuilder classPath(List<Path> classPath) {
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
  public ProcessPoolBuilder jvmOptions(String... jvmOptions) {
    this.jvmOptions = List.of(jvmOptions);
    return this;
  }

  /**
   * Allows results to contain more classes. Without this, a pool accepts from a worker: the value
   * types and collections of the JDK, arrays, records, enums, exceptions, and classes of the
   * package in which the task was written.
   *
   * @param patterns names of classes, or of packages when they end in {@code .*} (that package) or
   *     {@code .**} (and those below)
   * @return this
   */
  public ProcessPoolBuilder resultTypes(String... patterns) {
    this.resultTypes = List.of(patterns);
    return this;
  }

  /**
   * Sets how values of some classes are sent, in both directions, instead of by Java serialization.
   * Such values need not be {@link java.io.Serializable}, and are accepted from workers. Default:
   * none.
   *
   * @param codecs at most one for each class
   * @return this
   * @throws IllegalArgumentException if one is for a class that needs none ({@link Codec#type}),
   *     two are for the same class, or one has no constructor without parameters
   */
  public ProcessPoolBuilder codecs(Codec<?>... codecs) {
    this.codecs = Codecs.of(List.of(codecs));
    return this;
  }

  /**
   * Sets how many bytes one result may have. Default: 256 MiB.
   *
   * @param bytes the number, from 1,024 to 1 GiB
   * @return this
   * @throws IllegalArgumentException if the number is out of range
   */
  public ProcessPoolBuilder maxResultBytes(int bytes) {
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
  public ProcessPoolBuilder startTimeout(Duration timeout) {
    this.startTimeout = checkPositive("startTimeout", timeout);
    return this;
  }

  /**
   * Sets how long a task that was interrupted has to end before its worker is killed. Default: 200
   * milliseconds.
   *
   * @param grace the duration; zero kills at once
   * @return this
   * @throws IllegalArgumentException if it is below zero
   */
  public ProcessPoolBuilder killAfter(Duration grace) {
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
  public ProcessPoolBuilder output(WorkerOutput output) {
    this.output = Objects.requireNonNull(output, "output");
    return this;
  }

  /** Sets where the memory that is shared with workers comes from; for tests. */
  ProcessPoolBuilder memoryFolder(MemoryFolder folder) {
    this.memoryFolder = folder;
    return this;
  }

  /**
   * Sets whether workers start with an AOT cache, which saves a third of their start and a quarter
   * of their memory. It is made once for each user, JDK and version of Bouncer: in the background,
   * when a pool is idle for the first time, in two or three seconds of one processor at a low
   * priority; and kept in the user's folder for caches. The system property {@code
   * dev.bouncer.process.aotCache} names another folder, or switches the caches of a JVM {@code
   * off}. Default: true.
   *
   * @param aotCache whether to use one, and to make one
   * @return this
   */
  public ProcessPoolBuilder aotCache(boolean aotCache) {
    this.aotCache = aotCache;
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
            output,
            aotCache,
            codecs,
            memoryFolder),
        initializer);
  }
}
