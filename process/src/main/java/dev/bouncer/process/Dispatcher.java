package dev.bouncer.process;

import dev.bouncer.PoolStats;
import dev.bouncer.process.wire.ProtocolException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The brain of a pool: who runs what, when to start a worker and when to end one.
 *
 * <p>One lock guards the queue, the roster of workers and the states of all tasks. It is never held
 * while something is written, started, killed or completed: those things happen after it was let
 * go. So nothing that blocks in one worker, or in code of the user, can hold up another.
 *
 * <p>Invariants, whenever the lock is free:
 *
 * <ul>
 *   <li>The roster holds every child that lives or is about to; never more than {@code maxWorkers}
 *       and the spare, but for those left over when the limit was lowered.
 *   <li>A task is in the queue (QUEUED) or in flight at exactly one worker (ASSIGNED, RUNNING).
 *   <li>Never more than {@code maxWorkers} workers have tasks.
 *   <li>Tasks wait in the queue only while that many have, or no worker is idle.
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

  private static final int WRITE_BATCH = 1_024;

  /** How many tasks a worker holds at most. */
  private static final int MAX_AHEAD = 4_096;

  /** How long the tasks that a worker holds may be expected to take. */
  private static final long AHEAD_NANOS = 1_000_000;

  private static final Duration LONGER_THAN_EXPECTED = Duration.ofMillis(5);
  private static final Duration PIPE_GRACE = Duration.ofSeconds(2);
  private static final Duration MEMORY_CHECK = Duration.ofMillis(100);

  private final PoolOptions options;
  private final @Nullable EncodedFunction initializer;
  private final WorkerLauncher launcher;
  private final PoolTimer timer;
  private final Outcomes outcomes = new Outcomes();
  private final Runnable onTermination;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition terminated = lock.newCondition();

  // guarded by lock
  private final TaskQueue queue = new TaskQueue();
  private final Roster roster = new Roster();
  private final StartFailures startFailures = new StartFailures();
  private Phase phase = Phase.RUNNING;
  private int maxWorkers;
  private long lastTaskId;

  Dispatcher(PoolOptions options, @Nullable EncodedFunction initializer, Runnable onTermination) {
    this.options = options;
    this.initializer = initializer;
    this.maxWorkers = options.maxWorkers();
    this.onTermination = onTermination;
    this.launcher = new WorkerLauncher(options, this);
    this.timer = new PoolTimer(options.name(), this::guard);
    options.maxRssBytes().ifPresent(limit -> timer.every(MEMORY_CHECK, () -> checkMemory(limit)));
    if (options.minWorkers() > 0) {
      lock.lock();
      try {
        startWorkers();
      } finally {
        lock.unlock();
      }
    }
  }

  // ------------------------------------------------------------------ what the user asks for

  void submit(PoolTask<?> task) {
    lock.lock();
    try {
      WorkerStartException broken = startFailures.broken();
      if (phase != Phase.RUNNING || broken != null) {
        outcomes.rejected.increment();
        throw new RejectedExecutionException(
            broken == null
                ? "pool must not be shut down: name=" + options.name()
                : "pool must be able to start workers: name=" + options.name(),
            broken);
      }
      task.id = ++lastTaskId;
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
          task.end();
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
    outcomes.cancelled.increment();
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
      while (roster.hasIdle() && roster.live() > maxWorkers + options.spare()) {
        retire(roster.takeColdest());
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
      neverStarted.forEach(PoolTask::end);
      if (phase.compareTo(Phase.STOPPED) < 0) {
        phase = Phase.STOPPED;
        for (Worker worker : roster.copy()) {
          List.copyOf(worker.inFlight).forEach(this::interrupt);
        }
      }
      advanceShutdown();
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : neverStarted) {
      outcomes.drop(task, "the pool was stopped before the task started: " + options.name());
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
    outcomes.awaitDone();
    return true;
  }

  PoolStats stats() {
    lock.lock();
    try {
      return new PoolStats(
          options.name(),
          maxWorkers,
          roster.busy(),
          queue.size(),
          lastTaskId,
          outcomes.completed.sum(),
          outcomes.failed.sum(),
          outcomes.cancelled.sum(),
          outcomes.rejected.sum());
    } finally {
      lock.unlock();
    }
  }

  List<WorkerInfo> workers() {
    List<WorkerInfo> all = new ArrayList<>();
    lock.lock();
    try {
      long now = System.nanoTime();
      for (Worker worker : roster.copy()) {
        all.add(info(worker, now));
      }
    } finally {
      lock.unlock();
    }
    return all.stream().map(Dispatcher::withMemory).toList();
  }

  /** Kills every child, at once: the JVM ends. */
  void killAll() {
    List<Worker> all;
    lock.lock();
    try {
      phase = phase == Phase.TERMINATED ? phase : Phase.STOPPED;
      all = roster.copy();
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

  /**
   * The worker has started, and is to be prepared for its tasks if there is anything to prepare.
   */
  void hello(Worker worker, long pid) {
    lock.lock();
    try {
      worker.pid = pid;
      if (initializer == null) {
        ready(worker);
      } else {
        send(worker, new Worker.Initialize());
      }
    } finally {
      lock.unlock();
    }
  }

  void initialized(Worker worker) {
    lock.lock();
    try {
      ready(worker);
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
      startFailures.success();
    } finally {
      lock.unlock();
    }
    task.hasStarted();
    Duration timeout = options.taskTimeout();
    if (timeout != null) {
      task.alarm = timer.after(timeout, () -> timeOut(task, timeout));
    }
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
        task.end();
        forget(worker, task);
      }
      startFailures.success();
      worker.headIsLong = false;
      placesFreed(worker);
    } finally {
      lock.unlock();
    }
    for (AnswerReader.Ended end : ended) {
      Future<?> alarm = end.task().alarm;
      if (alarm != null) {
        alarm.cancel(false); // else the timer would hold on to the task until its time is up
      }
      end.task().hasStarted();
      outcomes.settle(end.task(), end.result(), end.failure());
    }
  }

  /** A worker gave a task back that it had not started. */
  void revoked(Worker worker, long taskId) throws ProtocolException {
    PoolTask<?> task;
    lock.lock();
    try {
      task = worker.inFlight.peekLast(); // they come in the order of the last first
      if (task == null || task.id != taskId) {
        task =
            worker.inFlight.stream()
                .filter(flying -> flying.id == taskId)
                .findFirst()
                .orElseThrow(() -> new ProtocolException("task must be in flight: task=" + taskId));
      }
      var _ = worker.inFlight.removeLastOccurrence(task);
      forget(worker, task);
      if (task.interrupted || !task.isWanted()) {
        task.end();
      } else {
        task.state = PoolTask.State.QUEUED;
        queue.addFirst(task);
      }
      placesFreed(worker);
      assign();
    } finally {
      lock.unlock();
    }
    if (task.interrupted) {
      outcomes.drop(task, "the task was stopped before it started: " + task);
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
        task.progress = OptionalDouble.of(fraction);
        task.progressMessage = message;
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * A worker's process has ended although its pipe may still be open, held by something that a task
   * left behind. The reader gets a moment to see the end of the pipe by itself.
   */
  void exited(Worker worker, OutputPump pump) {
    var _ =
        timer.after(
            PIPE_GRACE,
            () -> gone(worker, new Worker.End(worker.exitCode(), pump.tail(0), null), false));
  }

  /**
   * A worker is dead and reaped.
   *
   * @param drained whether everything that it ever sent was read, so that a task that it neither
   *     reported nor noted as started has not started
   */
  void gone(Worker worker, Worker.End end, boolean drained) {
    List<PoolTask<?>> victims = new ArrayList<>();
    boolean useless;
    lock.lock();
    try {
      if (worker.state == Worker.State.GONE) {
        return;
      }
      boolean unexpected = worker.state != Worker.State.STOPPING;
      boolean neverReady = worker.state == Worker.State.STARTING;
      boolean hadWork = !worker.inFlight.isEmpty();
      roster.move(worker, Worker.State.GONE);
      takeTasksOf(worker, drained, victims);
      useless = unexpected && (neverReady || (hadWork && victims.isEmpty()));
      if (useless) {
        startFailures.failure();
      }
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : victims) {
      if (task.interrupted) {
        outcomes.drop(task, "the task did not end when it was stopped, and was killed: " + task);
      } else {
        outcomes.settle(task, null, lost(task, worker, end));
      }
    }
    release(worker, end, useless);
  }

  /** Puts the tasks of a dead worker back into the queue, those excepted that may have started. */
  private void takeTasksOf(Worker worker, boolean drained, List<PoolTask<?>> victims) {
    if (!worker.inFlight.isEmpty()) {
      Set<PoolTask<?>> unsent = Collections.newSetFromMap(new IdentityHashMap<>());
      for (Worker.Message message : worker.outgoing) {
        if (message instanceof Worker.RunTask(PoolTask<?> task)) {
          unsent.add(task);
        }
      }
      long lastStarted = worker.lastStarted();
      for (Iterator<PoolTask<?>> tasks = worker.inFlight.descendingIterator(); tasks.hasNext(); ) {
        PoolTask<?> task = tasks.next();
        boolean mayHaveStarted =
            !drained || task.state == PoolTask.State.RUNNING || task.id == lastStarted;
        task.worker = null;
        boolean ends = phase.compareTo(Phase.STOPPED) >= 0 || startFailures.broken() != null;
        if ((unsent.contains(task) || !mayHaveStarted) && !ends && task.isWanted()) {
          task.state = PoolTask.State.QUEUED;
          queue.addFirst(task);
        } else {
          task.end();
          if (task.isWanted()) {
            victims.add(task);
          }
        }
      }
      worker.inFlight.clear();
      roster.lostTasks(worker);
    }
    worker.outgoing.clear();
    worker.outgoingOrGone.signalAll();
  }

  /** Gives the place of a dead worker back, and starts another one if there is work for it. */
  private void release(Worker worker, Worker.End end, boolean useless) {
    List<PoolTask<?>> stranded = List.of();
    @Nullable WorkerStartException failure = null;
    lock.lock();
    try {
      roster.remove(worker);
      if (useless && phase.compareTo(Phase.STOPPED) < 0) {
        if (startFailures.isTimeToGiveUp() && roster.size() == roster.starting()) {
          failure = startFailures.giveUp(options.name(), worker, end);
          stranded = queue.removeAll();
          stranded.forEach(PoolTask::end);
        } else {
          var _ = timer.after(startFailures.pause(), this::resumeStarting);
        }
      }
      assign();
      advanceShutdown();
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : stranded) {
      outcomes.settle(task, null, Objects.requireNonNull(failure));
    }
  }

  private void resumeStarting() {
    lock.lock();
    try {
      startFailures.resume();
      assign();
    } finally {
      lock.unlock();
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
      var _ = startFailures.breakDown(failure);
      pending = queue.removeAll();
      roster.copy().forEach(worker -> pending.addAll(worker.inFlight));
    } finally {
      lock.unlock();
    }
    pending.forEach(task -> outcomes.settle(task, null, failure));
    killAll();
  }

  // ------------------------------------------------------------------ on the timer

  private void timeOut(PoolTask<?> task, Duration timeout) {
    Worker worker;
    lock.lock();
    try {
      worker = task.worker;
      if (worker == null || !task.isWanted()) {
        return;
      }
      interrupt(task);
    } finally {
      lock.unlock();
    }
    outcomes.settle(
        task,
        null,
        new TimeoutException(
            "task must end within its timeout: timeout="
                + timeout
                + " worker="
                + worker.id
                + " pid="
                + worker.pid
                + " task="
                + task.describe()));
  }

  private void checkMemory(long limit) {
    List<Worker> all;
    lock.lock();
    try {
      all = roster.copy();
    } finally {
      lock.unlock();
    }
    for (Worker worker : all) {
      OptionalLong resident =
          worker.pid == 0 ? OptionalLong.empty() : ProcessMemory.resident(worker.pid);
      if (resident.isPresent() && resident.getAsLong() > limit) {
        tooLarge(worker, resident.getAsLong(), limit);
      }
    }
  }

  /** An idle worker that is too large is replaced; a busy one is killed with its task. */
  private void tooLarge(Worker worker, long resident, long limit) {
    lock.lock();
    try {
      if (roster.isIdle(worker)) {
        retire(worker);
      } else if (worker.state == Worker.State.READY) {
        worker.killReason = "rss must stay below maxRss: rss=" + resident + " maxRss=" + limit;
        kill(worker);
      }
    } finally {
      lock.unlock();
    }
  }

  private void killIfStillThere(PoolTask<?> task, Worker worker) {
    lock.lock();
    try {
      if (task.worker == worker) {
        kill(worker);
      }
    } finally {
      lock.unlock();
    }
  }

  private void retireIfIdleSince(Worker worker, long since) {
    lock.lock();
    try {
      if (roster.isIdle(worker)
          && worker.idleSinceNanos == since
          && roster.live() > options.minWorkers()) {
        retire(worker);
      }
    } finally {
      lock.unlock();
    }
  }

  // ------------------------------------------------------------------ with the lock held

  private void ready(Worker worker) {
    if (worker.state == Worker.State.STARTING) {
      roster.move(worker, Worker.State.READY);
      offer(worker);
    }
  }

  private void forget(Worker worker, PoolTask<?> task) {
    task.worker = null;
    worker.plannedNanos -= task.plannedNanos;
    roster.lostTasks(worker);
  }

  /** A worker has nothing to do: gives it a task, lets it wait for one, or ends it. */
  private void offer(Worker worker) {
    if (roster.live() > maxWorkers + options.spare() || isWornOut(worker)) {
      retire(worker);
    } else {
      roster.rest(worker);
      if (options.idleTimeout() != null) {
        long since = worker.idleSinceNanos;
        var _ = timer.after(options.idleTimeout(), () -> retireIfIdleSince(worker, since));
      }
    }
    assign();
    advanceShutdown();
  }

  private boolean isWornOut(Worker worker) {
    return options.maxTasksPerWorker().isPresent()
        && worker.tasksGiven >= options.maxTasksPerWorker().getAsInt();
  }

  /** Gives queued tasks to idle workers, and starts workers for the rest as far as allowed. */
  private void assign() {
    while (!queue.isEmpty() && roster.hasIdle() && roster.busy() < maxWorkers) {
      Worker worker = roster.takeWarmest();
      give(worker, queue.removeFirst());
      refill(worker);
    }
    startWorkers();
  }

  private void startWorkers() {
    if (phase.compareTo(Phase.SHUTDOWN) > 0 || !startFailures.mayStart()) {
      return;
    }
    int needed = Math.min(maxWorkers, roster.busy() + queue.size());
    if (phase == Phase.RUNNING) {
      needed = Math.max(needed, options.minWorkers());
      needed += needed > 0 ? options.spare() : 0;
    }
    while (roster.live() < needed && roster.size() < maxWorkers + options.spare()) {
      start();
    }
  }

  private void start() {
    Worker worker = new Worker(roster.nextId(), this, options, initializer, lock.newCondition());
    roster.add(worker);
    launcher.launch(worker);
    var _ =
        timer.after(
            options.startTimeout(),
            () -> {
              if (isWanted(worker)) {
                worker.kill(); // its end counts as a start that failed
              }
            });
  }

  private void give(Worker worker, PoolTask<?> task) {
    task.state = PoolTask.State.ASSIGNED;
    task.worker = worker;
    task.plannedNanos = task.function.cost.nanos();
    worker.tasksGiven++;
    roster.gotTask(worker, task);
    send(worker, new Worker.RunTask(task));
  }

  /** Some tasks of a worker have ended: it gets others, waits for one, or ends. */
  private void placesFreed(Worker worker) {
    if (worker.state == Worker.State.READY) {
      if (worker.inFlight.isEmpty()) {
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
        || worker.headIsLong
        || roster.live() > maxWorkers + options.spare()) {
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
        && !isWornOut(worker)
        && worker.plannedNanos + queue.first().function.cost.nanos() < AHEAD_NANOS) {
      give(worker, queue.removeFirst());
    }
    if (wasAlone && worker.inFlight.size() > 1) {
      watch(worker);
    }
  }

  /** Takes back what was sent ahead if the task before it turns out to be a long one. */
  private void watch(Worker worker) {
    if (worker.watched) {
      return;
    }
    worker.watched = true;
    long head = worker.inFlight.getFirst().id;
    var _ =
        timer.after(
            LONGER_THAN_EXPECTED,
            () -> {
              lock.lock();
              try {
                worker.watched = false;
                if (worker.inFlight.size() < 2 || worker.state != Worker.State.READY) {
                  return;
                }
                if (worker.inFlight.getFirst().id == head && !worker.headIsLong) {
                  worker.headIsLong = true;
                  send(worker, new Worker.RevokeTasks());
                }
                watch(worker);
              } finally {
                lock.unlock();
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
      task.end();
      forget(worker, task);
      placesFreed(worker);
      return;
    }
    send(worker, new Worker.CancelTask(task.id));
    var _ = timer.after(options.killAfter(), () -> killIfStillThere(task, worker));
  }

  /** Ends a worker that has nothing to do: asks it first. */
  private void retire(Worker worker) {
    roster.move(worker, Worker.State.STOPPING);
    send(worker, new Worker.ShutDown());
    var _ = timer.after(options.killAfter().plusSeconds(1), worker::kill);
  }

  private void kill(Worker worker) {
    roster.move(worker, Worker.State.STOPPING);
    var _ = timer.after(Duration.ZERO, worker::kill);
  }

  /** Takes a shut down pool one step closer to its end, if it can. */
  private void advanceShutdown() {
    if (phase == Phase.RUNNING || phase == Phase.TERMINATED || !queue.isEmpty()) {
      return;
    }
    for (Worker worker : roster.copy()) {
      if (roster.isIdle(worker)) {
        retire(worker);
      } else if (worker.state == Worker.State.STARTING) {
        kill(worker); // nothing is left for it to do
      }
    }
    if (roster.isEmpty()) {
      phase = Phase.TERMINATED;
      terminated.signalAll();
      launcher.end();
      timer.end();
      onTermination.run();
    }
  }

  // ------------------------------------------------------------------ small things

  private static boolean isRun(Worker.Message message, PoolTask<?> task) {
    return message instanceof Worker.RunTask(PoolTask<?> run) && run == task;
  }

  private WorkerCrashedException lost(PoolTask<?> task, Worker worker, Worker.End end) {
    String output =
        worker.killReason == null ? end.output() : worker.killReason + "\n" + end.output();
    WorkerCrashedException crash =
        new WorkerCrashedException(task.describe(), worker.id, worker.pid, end.exitCode(), output);
    if (end.cause() != null) {
      crash.initCause(end.cause());
    }
    return crash;
  }

  private static WorkerInfo info(Worker worker, long now) {
    PoolTask<?> task = worker.inFlight.peekFirst();
    boolean running = task != null && task.state == PoolTask.State.RUNNING;
    return new WorkerInfo(
        worker.id,
        worker.pid == 0 ? OptionalLong.empty() : OptionalLong.of(worker.pid),
        switch (worker.state) {
          case STARTING -> "STARTING";
          case READY -> task == null ? "IDLE" : "BUSY";
          case STOPPING, GONE -> "ENDING";
        },
        Duration.ofNanos(now - worker.madeAtNanos),
        worker.tasksGiven,
        Optional.ofNullable(task).map(PoolTask::describe),
        running ? Optional.of(Duration.ofNanos(now - task.startedAtNanos)) : Optional.empty(),
        task == null ? OptionalDouble.empty() : task.progress,
        Optional.ofNullable(task).map(known -> known.progressMessage),
        OptionalLong.empty());
  }

  private static WorkerInfo withMemory(WorkerInfo worker) {
    return new WorkerInfo(
        worker.id(),
        worker.pid(),
        worker.state(),
        worker.age(),
        worker.tasks(),
        worker.task(),
        worker.taskAge(),
        worker.progress(),
        worker.progressMessage(),
        worker.pid().isPresent()
            ? ProcessMemory.resident(worker.pid().getAsLong())
            : OptionalLong.empty());
  }
}
