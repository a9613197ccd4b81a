package dev.bouncer.process;

import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.Ledger;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One place of the pool and the child JVM that fills it, from the decision to start the JVM until
 * it has been reaped.
 *
 * <pre>
 *   STARTING --HELLO--> READY --retire, kill--> STOPPING --reaped--> GONE
 *      '------------------'---------- died by itself -----------------^
 * </pre>
 */
final class Worker {
  enum State {
    STARTING,
    READY,
    STOPPING,
    GONE
  }

  enum LedgerState {
    NONE,
    ASKED_FOR,
    KEPT
  }

  /** How long a worker that closed its pipe may take to be reaped, before it is killed. */
  private static final long REAP_MILLIS = 2_000;

  /** How long to wait for the last lines of a dead worker. */
  private static final long TAIL_MILLIS = 500;

  final int id;
  private final Dispatcher dispatcher;
  private final PoolOptions options;
  private final @Nullable EncodedFunction initializer;
  final SharedMemory memory;

  // guarded by the lock of the books
  State state = State.STARTING;
  final ArrayDeque<PoolTask<?>> inFlight = new ArrayDeque<>();
  final Outgoing outgoing;
  LedgerState ledgerState = LedgerState.NONE;
  long pid;

  /** What the tasks in flight are expected to take. */
  long plannedNanos;

  /** The task that runs takes longer than expected: nothing is sent ahead while it does. */
  boolean headIsLong;

  /** Since when the task that runs does so, if it is known to run. */
  long startedAtNanos;

  /** What the task that runs said of itself. */
  OptionalDouble progress = OptionalDouble.empty();

  @Nullable String progressMessage;

  /** How full its heap was when it said so last, and how full it may be. */
  OptionalLong heapUsed = OptionalLong.empty();

  OptionalLong heapMax = OptionalLong.empty();

  boolean watched;
  long tasksGiven;
  long idleSinceNanos;
  @Nullable String killReason;
  final long madeAtNanos = System.nanoTime();

  /** Rings when the task that runs has done so for too long; used by the reader. */
  @Nullable Future<?> alarm;

  private volatile @Nullable Process process;
  private volatile @Nullable WorkerChannel channel;
  private volatile boolean killed;

  Worker(
      int id,
      Dispatcher dispatcher,
      PoolOptions options,
      @Nullable EncodedFunction initializer,
      ReentrantLock lock) {
    this.id = id;
    this.dispatcher = dispatcher;
    this.options = options;
    this.initializer = initializer;
    this.memory = new SharedMemory(options.memoryFolder(), id);
    this.outgoing = new Outgoing(lock.newCondition());
  }

  /** How a worker ended, as far as its last words are known. */
  record End(@Nullable Integer exitCode, String output, @Nullable Throwable cause) {}

  /** Describes it as it is now, but for its memory. Called with the lock of the books held. */
  WorkerInfo info(long now) {
    PoolTask<?> task = inFlight.peekFirst();
    boolean running = task != null && task.state == PoolTask.State.RUNNING;
    return new WorkerInfo(
        id,
        pid == 0 ? OptionalLong.empty() : OptionalLong.of(pid),
        switch (state) {
          case STARTING -> "STARTING";
          case READY -> task == null ? "IDLE" : "BUSY";
          case STOPPING, GONE -> "ENDING";
        },
        Duration.ofNanos(now - madeAtNanos),
        tasksGiven,
        Optional.ofNullable(task).map(PoolTask::describe),
        running ? Optional.of(Duration.ofNanos(now - startedAtNanos)) : Optional.empty(),
        progress,
        Optional.ofNullable(progressMessage),
        heapUsed,
        heapMax,
        OptionalLong.empty());
  }

  /** The number of the task that the ledger names as started last; 0 if it names none. */
  long lastStarted() {
    Ledger ledger = memory.ledger();
    return ledger == null ? 0 : ledger.lastStarted();
  }

  /** Starts the child. Called by the launching thread; returns as soon as the process exists. */
  void launch(WorkerCommand command) {
    try {
      WorkerCommand.Started launched = command.start(id);
      Process started = launched.process();
      process = started;
      OutputPump pump =
          new OutputPump(started.getErrorStream(), options.name(), id, options.output());
      thread("output", pump);
      WorkerChannel own = new WorkerChannel(started.getOutputStream(), initializer, memory);
      channel = own;
      thread("writer", () -> write(own));
      thread("reader", () -> read(command, launched, pump));
      var _ = started.onExit().thenAccept(_ -> dispatcher.reports().exited(this, pump));
      if (killed) { // decided while there was no process yet
        kill();
      }
    } catch (IOException | RuntimeException | Error failure) {
      kill();
      dispatcher.reports().gone(this, new End(null, "", failure), true);
    }
  }

  /**
   * Kills the child and everything it started; harmless if there is none. May take milliseconds.
   */
  void kill() {
    killed = true;
    Process current = process;
    if (current != null && current.isAlive()) {
      current.descendants().forEach(ProcessHandle::destroyForcibly);
      current.destroyForcibly();
    }
  }

  @Nullable Integer exitCode() {
    Process current = process;
    return current == null || current.isAlive() ? null : current.exitValue();
  }

  private void thread(String role, Runnable body) {
    Thread.ofPlatform()
        .daemon()
        .name(options.name() + "-worker-" + id + "-" + role)
        .start(() -> dispatcher.guard(body));
  }

  private void write(WorkerChannel own) {
    List<Outgoing.Message> messages = new ArrayList<>();
    try {
      while (dispatcher.reports().awaitOutgoing(this)) {
        own.lock(); // first, so that nobody can write what came later before what is taken here
        try {
          dispatcher.reports().takeOutgoing(this, messages);
          for (Outgoing.Message message : messages) {
            own.add(message);
          }
          own.flush();
        } finally {
          own.unlock();
        }
        messages.clear();
      }
    } catch (IOException | RuntimeException | Error pipeIsBroken) {
      kill(); // it is dead already, or will never get what it waits for; its reader does the rest
    }
  }

  /**
   * Claims the pipe for one task that the calling thread then writes by {@link #writeAtOnce}.
   * Called with the lock of the books held, for a worker that has nothing to do.
   *
   * @return false if another thread is writing, or the task would not fit an empty pipe
   */
  boolean claimPipe(PoolTask<?> task) {
    WorkerChannel own = channel;
    return own != null && outgoing.isRead() && own.tryLockFor(task);
  }

  /** Writes the task for which the pipe was claimed, and gives the pipe back. */
  void writeAtOnce(PoolTask<?> task) {
    WorkerChannel own = Objects.requireNonNull(channel);
    try {
      own.add(new Outgoing.RunTask(task));
      own.flush();
    } catch (IOException | RuntimeException | Error pipeIsBroken) {
      kill();
    } finally {
      own.unlock();
    }
  }

  private void read(WorkerCommand command, WorkerCommand.Started launched, OutputPump pump) {
    Process child = launched.process();
    @Nullable Throwable broken = null;
    try {
      RecoveredStream stream =
          new RecoveredStream(child.getInputStream(), () -> reap(child), memory::ledger);
      new AnswerReader(this, dispatcher.reports(), options)
          .readAll(new FrameReader(stream, options.maxMessageBytes()));
    } catch (IOException | RuntimeException | Error failure) {
      broken = failure;
      kill();
    }
    int exitCode = reap(child);
    memory.close();
    var _ = launched.arguments().toFile().delete(); // the worker does, if it gets that far
    command.ended(launched, pid != 0); // set by this thread, when the worker said hello
    dispatcher
        .reports()
        .gone(this, new End(exitCode, pump.tail(TAIL_MILLIS), broken), broken == null);
  }

  /** Waits until the child is really dead: only then may another one take its place. */
  private int reap(Process child) {
    while (true) {
      try {
        if (!child.waitFor(REAP_MILLIS, TimeUnit.MILLISECONDS)) {
          kill();
        } else {
          return child.exitValue();
        }
      } catch (InterruptedException ignored) {
        // Nobody interrupts this thread but by mistake, and the child must be reaped.
      }
    }
  }
}
