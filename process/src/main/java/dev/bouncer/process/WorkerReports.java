package dev.bouncer.process;

import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.SlabSlot;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.Future;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the threads of a worker tell its pool. Each method takes the lock of the books itself, and
 * completes futures after it let it go.
 */
final class WorkerReports {
  private static final Duration PIPE_GRACE = Duration.ofSeconds(2);

  private final Books books;
  private final ReentrantLock lock;
  private final Staffing staffing;
  private final Assignment assignment;
  private final Losses losses;
  private final Runnable rebalance;
  private final boolean hasInitializer;

  WorkerReports(
      Books books,
      Staffing staffing,
      Assignment assignment,
      Losses losses,
      Runnable rebalance,
      boolean hasInitializer) {
    this.books = books;
    this.lock = books.lock;
    this.staffing = staffing;
    this.assignment = assignment;
    this.losses = losses;
    this.rebalance = rebalance;
    this.hasInitializer = hasInitializer;
  }

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
    FlightRecording.workerStarted(
        books.options.name(), worker.id, pid, System.nanoTime() - worker.madeAtNanos);
    lock.lock();
    try {
      worker.pid = pid;
      if (!hasInitializer) {
        ready(worker);
      } else {
        worker.outgoing.add(new Outgoing.Initialize());
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
      if (task == null || task.id != taskId || task.state == PoolTask.State.RUNNING) {
        return;
      }
      task.state = PoolTask.State.RUNNING;
      worker.startedAtNanos = System.nanoTime();
      books.startFailures.success();
    } finally {
      lock.unlock();
    }
    task.hasStarted();
    Duration timeout = books.options.taskTimeout();
    if (timeout != null) {
      worker.alarm = books.timer.after(timeout, () -> timeOut(task, timeout));
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
        assignment.ended(worker, ended.get(i).task());
      }
      books.startFailures.success();
      worker.headIsLong = false;
      worker.progress = OptionalDouble.empty();
      worker.progressMessage = null;
      assignment.placesFreed(worker);
      rebalance.run();
    } finally {
      lock.unlock();
    }
    Future<?> alarm = worker.alarm;
    if (alarm != null) {
      alarm.cancel(false); // else the timer would hold on to the task until its time is up
      worker.alarm = null;
    }
    for (AnswerReader.Ended end : ended) {
      end.task().hasStarted();
      books.outcomes.settle(end.task(), end.result(), end.failure());
    }
  }

  /** A worker gave a task back that it had not started. */
  void revoked(Worker worker, long taskId) throws ProtocolException {
    PoolTask<?> task;
    lock.lock();
    try {
      task = assignment.givenBack(worker, taskId);
      rebalance.run();
    } finally {
      lock.unlock();
    }
    if (task.interrupted) {
      books.outcomes.drop(task, "the task was stopped before it started: " + task);
    }
  }

  void ledgerKept(Worker worker) throws ProtocolException {
    worker.memory.ledgerKept();
    lock.lock();
    try {
      if (worker.ledgerState != Worker.LedgerState.ASKED_FOR || worker.memory.ledger() == null) {
        throw new ProtocolException("ledger must be one that was offered: worker=" + worker.id);
      }
      worker.ledgerState = Worker.LedgerState.KEPT;
      assignment.sendAhead(worker);
    } finally {
      lock.unlock();
    }
  }

  /** A result was too large for the pipe to be a good way: the next one gets a better one. */
  void askForSlab(Worker worker, SlabSlot slot) {
    lock.lock();
    try {
      worker.outgoing.add(new Outgoing.NoSlabYet(slot));
    } finally {
      lock.unlock();
    }
  }

  void heap(Worker worker, long used, long max) {
    lock.lock();
    try {
      worker.heapUsed = OptionalLong.of(used);
      worker.heapMax = OptionalLong.of(max);
    } finally {
      lock.unlock();
    }
    FlightRecording.heap(books.options.name(), worker, used, max);
  }

  void progress(Worker worker, long taskId, double fraction, String message) {
    lock.lock();
    try {
      PoolTask<?> task = worker.inFlight.peekFirst();
      if (task != null && task.id == taskId) {
        worker.progress = OptionalDouble.of(fraction);
        worker.progressMessage = message;
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
        books.timer.after(
            PIPE_GRACE,
            () -> gone(worker, new Worker.End(worker.exitCode(), pump.tail(0), null), false));
  }

  /** See {@link Losses#gone}. */
  void gone(Worker worker, Worker.End end, boolean drained) {
    losses.gone(worker, end, drained);
  }

  /** Waits for something to send; false when the worker is gone. Called by its writer. */
  boolean awaitOutgoing(Worker worker) {
    lock.lock();
    try {
      return worker.outgoing.await();
    } finally {
      lock.unlock();
    }
  }

  void takeOutgoing(Worker worker, List<Outgoing.Message> target) {
    lock.lock();
    try {
      worker.outgoing.take(target);
    } finally {
      lock.unlock();
    }
  }

  private void timeOut(PoolTask<?> task, Duration timeout) {
    Worker worker;
    lock.lock();
    try {
      worker = task.worker;
      if (worker == null || !task.isWanted()) {
        return;
      }
      assignment.interrupt(task);
      rebalance.run();
    } finally {
      lock.unlock();
    }
    books.outcomes.settle(
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

  /** Called with the lock held. */
  private void ready(Worker worker) {
    if (worker.state == Worker.State.STARTING) {
      books.roster.move(worker, Worker.State.READY);
      staffing.offer(worker);
      rebalance.run();
    }
  }
}
