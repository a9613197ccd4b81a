package dev.bouncer.process;

import dev.bouncer.PoolStats;
import dev.bouncer.process.wire.ProtocolException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The brain of a pool: who runs what, when to start a worker and when to end one.
 *
 * <p>One lock guards the queue, the workers and the states of all tasks. It is never held while
 * something is written, started, killed or completed: those things happen after it was let go. So
 * nothing that blocks in one worker, or in code of the user, can hold up another.
 *
 * <p>Invariants, whenever the lock is free:
 *
 * <ul>
 *   <li>{@code workers} holds every child that lives or is about to; never more than {@code
 *       maxWorkers}, but for those left over when the limit was lowered.
 *   <li>A task is in the queue (QUEUED) or in flight at exactly one worker (ASSIGNED, RUNNING).
 *   <li>Tasks wait in the queue only while no worker is idle.
 * </ul>
 */
final class Dispatcher {
  private enum Phase {
    RUNNING,
    /** No new tasks; the queue is worked off. */
    SHUTDOWN,
    /** What runs is interrupted, then killed. */
    STOPPED,
    /** All workers are gone. */
    TERMINATED
  }

  private static final int MAX_START_FAILURES = 5;
  private static final long FIRST_BACK_OFF_MILLIS = 50;
  private static final long MAX_BACK_OFF_MILLIS = 5_000;
  private static final int WRITE_BATCH = 1_024;

  /** How many tasks a worker holds at most. */
  private static final int MAX_AHEAD = 4_096;

  /** How long the tasks that a worker holds may be expected to take. */
  private static final long AHEAD_NANOS = 1_000_000;

  private static final Duration LONGER_THAN_EXPECTED = Duration.ofMillis(5);

  private final PoolOptions options;
  private final WorkerLauncher launcher;
  private final ScheduledThreadPoolExecutor timer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition terminated = lock.newCondition();
  private final Completions completions = new Completions();

  // guarded by lock
  private final TaskQueue queue = new TaskQueue();
  private final List<Worker> workers = new ArrayList<>();
  private final ArrayDeque<Worker> idle = new ArrayDeque<>();
  private Phase phase = Phase.RUNNING;
  private int maxWorkers;
  private int starting;
  private int lastWorkerId;
  private long lastTaskId;
  private int startFailures;
  private boolean backingOff;
  private @Nullable WorkerStartException broken;
  private long submitted;

  private final LongAdder completed = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private final LongAdder cancelled = new LongAdder();
  private final LongAdder rejected = new LongAdder();
  private final Runnable onTermination;

  Dispatcher(PoolOptions options, Runnable onTermination) {
    this.options = options;
    this.maxWorkers = options.maxWorkers();
    this.onTermination = onTermination;
    this.launcher = new WorkerLauncher(options, this);
    this.timer =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name(options.name() + "-timer").factory());
    timer.setRemoveOnCancelPolicy(true);
  }

  // ------------------------------------------------------------------ what the user asks for

  void submit(PoolTask<?> task) {
    lock.lock();
    try {
      if (phase != Phase.RUNNING || broken != null) {
        rejected.increment();
        throw new RejectedExecutionException(
            broken == null
                ? "pool must not be shut down: name=" + options.name()
                : "pool must be able to start workers: name=" + options.name(),
            broken);
      }
      task.id = ++lastTaskId;
      submitted++;
      queue.addLast(task);
      assign();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Nobody wants the result of a task any more. A queued task leaves; a running one is told, if so
   * asked.
   *
   * @return whether the task will never start
   */
  boolean abandon(PoolTask<?> task, boolean interrupt) {
    lock.lock();
    try {
      if (task.state == PoolTask.State.QUEUED) {
        if (task.id > 0) { // else nobody has queued it yet, and nobody will
          queue.remove(task);
          task.state = PoolTask.State.ENDED;
          advanceShutdown();
        }
        return true;
      }
      if (interrupt && task.state != PoolTask.State.ENDED) {
        interrupt(task);
        return task.state == PoolTask.State.ENDED;
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  void countCancelled() {
    cancelled.increment();
  }

  int maxWorkers() {
    lock.lock();
    try {
      return maxWorkers;
    } finally {
      lock.unlock();
    }
  }

  void setMaxWorkers(int newMax) {
    lock.lock();
    try {
      maxWorkers = newMax;
      while (!idle.isEmpty() && liveWorkers() > maxWorkers) {
        retire(idle.removeLast());
      }
      assign();
    } finally {
      lock.unlock();
    }
  }

  void shutdown() {
    lock.lock();
    try {
      if (phase == Phase.RUNNING) {
        phase = Phase.SHUTDOWN;
        advanceShutdown();
      }
    } finally {
      lock.unlock();
    }
  }

  List<PoolTask<?>> shutdownNow() {
    List<PoolTask<?>> neverStarted;
    lock.lock();
    try {
      neverStarted = queue.removeAll();
      neverStarted.forEach(task -> task.state = PoolTask.State.ENDED);
      if (phase.compareTo(Phase.STOPPED) < 0) {
        phase = Phase.STOPPED;
        for (Worker worker : List.copyOf(workers)) {
          List.copyOf(worker.inFlight).forEach(this::interrupt);
          if (worker.state == Worker.State.STARTING) {
            kill(worker);
          }
        }
      }
      advanceShutdown();
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : neverStarted) {
      drop(task, "the pool was stopped before the task started: name=" + options.name());
    }
    return neverStarted;
  }

  boolean isShutdown() {
    lock.lock();
    try {
      return phase != Phase.RUNNING;
    } finally {
      lock.unlock();
    }
  }

  boolean isTerminated() {
    lock.lock();
    try {
      return phase == Phase.TERMINATED;
    } finally {
      lock.unlock();
    }
  }

  boolean awaitTermination(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = nanos;
      while (phase != Phase.TERMINATED) {
        if (left <= 0) {
          return false;
        }
        left = terminated.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
    completions.awaitDone();
    return true;
  }

  PoolStats stats() {
    lock.lock();
    try {
      int running = 0;
      for (Worker worker : workers) {
        running += worker.inFlight.isEmpty() ? 0 : 1;
      }
      return new PoolStats(
          options.name(),
          maxWorkers,
          running,
          queue.size(),
          submitted,
          completed.sum(),
          failed.sum(),
          cancelled.sum(),
          rejected.sum());
    } finally {
      lock.unlock();
    }
  }

  /** Kills every child, at once: the JVM ends. */
  void killAll() {
    List<Worker> all;
    lock.lock();
    try {
      phase = phase == Phase.TERMINATED ? phase : Phase.STOPPED;
      all = List.copyOf(workers);
    } finally {
      lock.unlock();
    }
    all.forEach(Worker::kill);
  }

  // ------------------------------------------------------------------ what workers report

  /** Called by the launching thread: false if the worker is not wanted any more. */
  boolean isWanted(Worker worker) {
    lock.lock();
    try {
      return worker.state == Worker.State.STARTING;
    } finally {
      lock.unlock();
    }
  }

  void ready(Worker worker, long pid) {
    lock.lock();
    try {
      worker.pid = pid;
      if (worker.state == Worker.State.STARTING) {
        worker.state = Worker.State.READY;
        starting--;
        offer(worker);
      }
    } finally {
      lock.unlock();
    }
  }

  /** A task runs. It may have been answered meanwhile: then this is old news. */
  void started(Worker worker, long taskId) {
    PoolTask<?> task;
    lock.lock();
    try {
      task = worker.inFlight.peekFirst();
      if (task == null || task.id != taskId) {
        return;
      }
      task.state = PoolTask.State.RUNNING;
      task.startedAtNanos = System.nanoTime();
      startFailures = 0;
    } finally {
      lock.unlock();
    }
    task.hasStarted();
  }

  /** Copies the tasks whose answers come next. */
  void copyInFlight(Worker worker, List<PoolTask<?>> target, int limit) {
    lock.lock();
    try {
      for (Iterator<PoolTask<?>> tasks = worker.inFlight.iterator();
          tasks.hasNext() && target.size() < limit; ) {
        target.add(tasks.next());
      }
    } finally {
      lock.unlock();
    }
  }

  /** The oldest tasks of a worker have ended, one way or another: their places are free. */
  void answered(Worker worker, List<AnswerReader.Ended> ended) {
    lock.lock();
    try {
      for (int i = 0; i < ended.size(); i++) {
        PoolTask<?> task = worker.inFlight.removeFirst();
        task.state = PoolTask.State.ENDED;
        task.worker = null;
        worker.plannedNanos -= task.plannedNanos;
      }
      startFailures = 0;
      worker.revoking &= worker.inFlight.size() > 1;
      placesFreed(worker);
    } finally {
      lock.unlock();
    }
    for (AnswerReader.Ended end : ended) {
      end.task().hasStarted();
      complete(end.task(), end.result(), end.failure());
    }
  }

  /** A worker gave a task back that it had not started. */
  void revoked(Worker worker, long taskId) throws ProtocolException {
    lock.lock();
    try {
      PoolTask<?> task = worker.inFlight.peekLast(); // they come in the order of the last first
      if (task == null || task.id != taskId) {
        task =
            worker.inFlight.stream()
                .filter(flying -> flying.id == taskId)
                .findFirst()
                .orElseThrow(() -> new ProtocolException("task must be in flight: task=" + taskId));
      }
      worker.inFlight.removeLastOccurrence(task);
      task.worker = null;
      worker.plannedNanos -= task.plannedNanos;
      if (task.interrupted || !task.isWanted()) {
        task.state = PoolTask.State.ENDED;
      } else {
        task.state = PoolTask.State.QUEUED;
        queue.addFirst(task);
      }
      if (worker.inFlight.size() <= 1) {
        worker.revoking = false;
      }
      placesFreed(worker);
      assign();
    } finally {
      lock.unlock();
    }
  }

  void ledgerKept(Worker worker) {
    worker.deleteLedgerFile();
    lock.lock();
    try {
      worker.ledgerState = Worker.LedgerState.KEPT;
      refill(worker);
    } finally {
      lock.unlock();
    }
  }

  void progress(Worker worker, long taskId, double fraction, String message) {
    lock.lock();
    try {
      PoolTask<?> task = worker.inFlight.peekFirst();
      if (task != null && task.id == taskId) {
        task.progress = fraction;
        task.progressMessage = message;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Ends a task that has been answered; never runs code of the user on the calling thread. */
  void complete(PoolTask<?> task, @Nullable Object result, @Nullable Throwable failure) {
    completions.complete(
        task,
        () -> {
          LongAdder counter = failure == null ? completed : failed;
          counter.increment(); // before the future is done: who waits for it then sees the number
          if (!(failure == null ? task.returned(result) : task.failed(failure))) {
            counter.decrement();
          }
        });
  }

  private void drop(PoolTask<?> task, String why) {
    completions.complete(
        task,
        () -> {
          cancelled.increment();
          if (!task.dropped(why)) {
            cancelled.decrement();
          }
        });
  }

  /**
   * A worker's process has ended although its pipe may still be open, held by something that the
   * task left behind. The reader gets a moment to see the end of the pipe by itself.
   */
  void exited(Worker worker, OutputPump pump) {
    schedule(
        Duration.ofSeconds(2),
        () -> gone(worker, new Worker.End(worker.exitCode(), pump.tail(0), null), false));
  }

  /**
   * A worker is dead and reaped.
   *
   * @param drained whether everything that it ever sent was read, so that a task it did not report
   *     as started has not started
   */
  void gone(Worker worker, Worker.End end, boolean drained) {
    List<PoolTask<?>> victims = new ArrayList<>();
    boolean unfit;
    lock.lock();
    try {
      if (worker.state == Worker.State.GONE) {
        return;
      }
      boolean unexpected = worker.state != Worker.State.STOPPING;
      boolean neverReady = worker.state == Worker.State.STARTING;
      starting -= neverReady ? 1 : 0;
      worker.state = Worker.State.GONE;
      idle.remove(worker);
      boolean hadWork = !worker.inFlight.isEmpty();
      boolean ranSomething = false;
      long lastStarted = worker.lastStarted();
      Set<PoolTask<?>> unsent = Collections.newSetFromMap(new IdentityHashMap<>());
      for (Worker.Message message : worker.outgoing) {
        if (message instanceof Worker.RunTask(PoolTask<?> task)) {
          unsent.add(task);
        }
      }
      for (Iterator<PoolTask<?>> tasks = worker.inFlight.descendingIterator(); tasks.hasNext(); ) {
        PoolTask<?> task = tasks.next();
        boolean mayHaveStarted =
            !drained || task.state == PoolTask.State.RUNNING || task.id == lastStarted;
        task.worker = null;
        if (unsent.contains(task) || !mayHaveStarted) {
          requeue(task, victims);
        } else {
          ranSomething = true;
          task.state = PoolTask.State.ENDED;
          victims.add(task);
        }
      }
      worker.inFlight.clear();
      worker.outgoing.clear();
      worker.outgoingOrGone.signalAll();
      unfit = unexpected && (neverReady || (hadWork && !ranSomething));
      startFailures += unfit ? 1 : 0;
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : victims) {
      if (task.interrupted) {
        drop(
            task,
            "the task did not end when it was stopped, and was killed: task=" + task.describe());
      } else {
        complete(task, null, lost(task, worker, end));
      }
    }
    release(worker, end, unfit);
  }

  /** Gives the place of a dead worker back, and starts another one if there is work for it. */
  private void release(Worker worker, Worker.End end, boolean unfit) {
    List<PoolTask<?>> stranded = List.of();
    @Nullable WorkerStartException failure = null;
    lock.lock();
    try {
      workers.remove(worker);
      if (unfit && phase.compareTo(Phase.STOPPED) < 0) {
        if (startFailures >= MAX_START_FAILURES && workers.size() == starting) {
          failure = startFailure(worker, end);
          broken = failure;
          stranded = queue.removeAll();
          stranded.forEach(task -> task.state = PoolTask.State.ENDED);
        } else {
          backOff();
        }
      }
      assign();
      advanceShutdown();
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : stranded) {
      complete(task, null, Objects.requireNonNull(failure));
    }
  }

  /** Waits for something to send; false when the worker is gone. Called by its writer. */
  boolean awaitOutgoing(Worker worker, List<Worker.Message> target) {
    lock.lock();
    try {
      while (worker.outgoing.isEmpty()) {
        if (worker.state == Worker.State.GONE) {
          return false;
        }
        worker.outgoingOrGone.awaitUninterruptibly();
      }
      while (!worker.outgoing.isEmpty() && target.size() < WRITE_BATCH) {
        target.add(worker.outgoing.removeFirst());
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Runs the body of a thread of the pool; if it fails, nothing may wait for it for ever. */
  void guard(Runnable body) {
    try {
      body.run();
    } catch (Throwable bug) {
      breakDown(bug);
      throw bug;
    }
  }

  private void breakDown(Throwable bug) {
    List<PoolTask<?>> pending;
    WorkerStartException failure =
        new WorkerStartException("pool must not lose one of its own threads: " + bug, bug);
    lock.lock();
    try {
      broken = failure;
      pending = queue.removeAll();
      workers.forEach(worker -> pending.addAll(worker.inFlight));
    } finally {
      lock.unlock();
    }
    pending.forEach(task -> complete(task, null, failure));
    killAll();
  }

  // ------------------------------------------------------------------ with the lock held

  /** A worker has nothing to do: gives it a task, lets it wait for one, or ends it. */
  private void offer(Worker worker) {
    if (liveWorkers() > maxWorkers) {
      retire(worker);
    } else {
      idle.addFirst(worker); // the one that worked last has the warmest caches
    }
    assign();
    advanceShutdown();
  }

  /** Gives queued tasks to idle workers, and starts workers for the rest as far as allowed. */
  private void assign() {
    while (!queue.isEmpty() && !idle.isEmpty()) {
      Worker worker = idle.removeFirst();
      give(worker, queue.removeFirst());
      refill(worker);
    }
    while (starting < queue.size()
        && workers.size() < maxWorkers
        && !backingOff
        && broken == null) {
      start();
    }
  }

  private void give(Worker worker, PoolTask<?> task) {
    task.state = PoolTask.State.ASSIGNED;
    task.worker = worker;
    task.plannedNanos = task.function.cost.nanos();
    worker.plannedNanos += task.plannedNanos;
    worker.inFlight.addLast(task);
    send(worker, new Worker.RunTask(task));
  }

  /** Some tasks of a worker have ended: it gets others, waits for one, or ends. */
  private void placesFreed(Worker worker) {
    if (worker.state == Worker.State.READY) {
      if (worker.inFlight.isEmpty()) {
        worker.plannedNanos = 0;
        offer(worker);
      } else if (worker.inFlight.size() <= MAX_AHEAD / 2) {
        refill(worker);
      }
    }
  }

  /**
   * Sends tasks ahead to a worker that is busy, so that it need not wait for each: as many as are
   * expected to take a moment all together. A task whose cost is not known is never sent ahead, so
   * long tasks do not queue behind each other while other workers are free. Only a worker with a
   * ledger gets tasks ahead: if it dies, the ledger tells the one that ran from those that did not.
   */
  private void refill(Worker worker) {
    if (queue.isEmpty()
        || worker.state != Worker.State.READY
        || worker.inFlight.isEmpty()
        || worker.revoking
        || liveWorkers() > maxWorkers) {
      return;
    }
    if (worker.ledgerState != Worker.LedgerState.KEPT) {
      if (worker.ledgerState == Worker.LedgerState.NONE
          && queue.first().function.cost.nanos() < AHEAD_NANOS) {
        worker.ledgerState = Worker.LedgerState.ASKED_FOR;
        send(worker, new Worker.NoLedgerYet());
      }
      return;
    }
    boolean wasAlone = worker.inFlight.size() == 1;
    while (!queue.isEmpty()
        && worker.inFlight.size() < MAX_AHEAD
        && worker.plannedNanos + queue.first().function.cost.nanos() < AHEAD_NANOS) {
      give(worker, queue.removeFirst());
    }
    if (wasAlone && worker.inFlight.size() > 1) {
      watch(worker);
    }
  }

  /** Takes back what was sent ahead if the task before it turns out to be a long one. */
  private void watch(Worker worker) {
    long head = worker.inFlight.getFirst().id;
    schedule(
        LONGER_THAN_EXPECTED,
        () -> {
          lock.lock();
          try {
            if (worker.inFlight.size() < 2 || worker.state != Worker.State.READY) {
              return;
            }
            if (worker.inFlight.getFirst().id != head) {
              watch(worker);
            } else if (!worker.revoking) {
              worker.revoking = true;
              send(worker, new Worker.RevokeTasks());
            }
          } finally {
            lock.unlock();
          }
        });
  }

  private void start() {
    Worker worker = new Worker(++lastWorkerId, this, options, lock.newCondition());
    workers.add(worker);
    starting++;
    launcher.launch(worker);
    schedule(
        options.startTimeout(),
        () -> {
          if (isWanted(worker)) {
            worker.kill(); // its end counts as a start that failed
          }
        });
  }

  private void send(Worker worker, Worker.Message message) {
    worker.outgoing.addLast(message);
    worker.outgoingOrGone.signal();
  }

  /** Tells the worker of a task to interrupt it, and kills the worker if that does not help. */
  private void interrupt(PoolTask<?> task) {
    Worker worker = task.worker;
    if (worker == null || task.interrupted) {
      return;
    }
    task.interrupted = true;
    if (worker.outgoing.removeIf(message -> isRun(message, task))) { // it was never sent
      worker.inFlight.remove(task);
      task.state = PoolTask.State.ENDED;
      task.worker = null;
      worker.plannedNanos -= task.plannedNanos;
      placesFreed(worker);
      return;
    }
    send(worker, new Worker.CancelTask(task.id));
    schedule(options.killAfter(), () -> killIfStillThere(task, worker));
  }

  private void killIfStillThere(PoolTask<?> task, Worker worker) {
    lock.lock();
    try {
      if (task.worker != worker) {
        return;
      }
      kill(worker);
    } finally {
      lock.unlock();
    }
  }

  /** Ends a worker that has nothing to do: asks it first. */
  private void retire(Worker worker) {
    worker.state = Worker.State.STOPPING;
    idle.remove(worker);
    send(worker, new Worker.ShutDown());
    schedule(options.killAfter().plusSeconds(1), worker::kill);
  }

  private void kill(Worker worker) {
    starting -= worker.state == Worker.State.STARTING ? 1 : 0;
    worker.state = Worker.State.STOPPING;
    idle.remove(worker);
    schedule(Duration.ZERO, worker::kill);
  }

  private void requeue(PoolTask<?> task, List<PoolTask<?>> victims) {
    if (!task.isWanted()) {
      task.state = PoolTask.State.ENDED;
    } else if (phase.compareTo(Phase.STOPPED) >= 0 || broken != null) {
      task.state = PoolTask.State.ENDED;
      victims.add(task);
    } else {
      task.state = PoolTask.State.QUEUED;
      queue.addFirst(task);
    }
  }

  private int liveWorkers() {
    int live = 0;
    for (Worker worker : workers) {
      live += worker.state == Worker.State.STARTING || worker.state == Worker.State.READY ? 1 : 0;
    }
    return live;
  }

  private void backOff() {
    backingOff = true;
    long millis =
        Math.min(MAX_BACK_OFF_MILLIS, FIRST_BACK_OFF_MILLIS << Math.min(startFailures - 1, 10));
    schedule(
        Duration.ofMillis(millis),
        () -> {
          lock.lock();
          try {
            backingOff = false;
            assign();
          } finally {
            lock.unlock();
          }
        });
  }

  /** Takes a shut down pool one step closer to its end, if it can. */
  private void advanceShutdown() {
    if (phase == Phase.RUNNING || phase == Phase.TERMINATED || !queue.isEmpty()) {
      return;
    }
    for (Worker worker : List.copyOf(workers)) {
      if (worker.state == Worker.State.READY && worker.inFlight.isEmpty()) {
        retire(worker);
      } else if (worker.state == Worker.State.STARTING) {
        kill(worker); // nothing is left for it to do
      }
    }
    if (workers.isEmpty()) {
      phase = Phase.TERMINATED;
      terminated.signalAll();
      launcher.end();
      timer.shutdownNow();
      onTermination.run();
    }
  }

  // ------------------------------------------------------------------ small things

  private static boolean isRun(Worker.Message message, PoolTask<?> task) {
    return message instanceof Worker.RunTask(PoolTask<?> run) && run == task;
  }

  private void schedule(Duration delay, Runnable action) {
    try {
      var _ = timer.schedule(() -> guard(action), nanos(delay), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException terminatedMeanwhile) {
      // The pool has ended: there is nothing left to watch.
    }
  }

  static long nanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE / 2;
    }
  }

  private RuntimeException lost(PoolTask<?> task, Worker worker, Worker.End end) {
    WorkerCrashedException crash =
        new WorkerCrashedException(
            task.describe(), worker.id, worker.pid, end.exitCode(), end.output());
    if (end.cause() != null) {
      crash.initCause(end.cause());
    }
    return crash;
  }

  private WorkerStartException startFailure(Worker worker, Worker.End end) {
    return new WorkerStartException(
        "workers must be able to start: pool="
            + options.name()
            + " failures in a row="
            + startFailures
            + "; the last one, worker "
            + worker.id
            + ", ended before it ran a task: "
            + WorkerCrashedException.describe(end.exitCode(), end.output())
            + (end.output().isBlank() ? "" : "; the last it printed:\n" + end.output().strip()),
        end.cause());
  }
}
