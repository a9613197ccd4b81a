package dev.bouncer.process;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What happens when a worker is dead: the task that it ran fails, its other tasks move, and its
 * place is free for another one. Or, if workers die before they are of any use again and again, the
 * pool gives up. Takes the lock of the books itself and completes futures after it let it go.
 */
final class Losses {
  private final Books books;
  private final Runnable rebalance;
  private final ReentrantLock lock;

  /**
   * Makes it.
   *
   * @param rebalance called with the lock held, after the books have changed
   */
  Losses(Books books, Runnable rebalance) {
    this.books = books;
    this.rebalance = rebalance;
    this.lock = books.lock;
  }

  /**
   * A worker is dead and reaped.
   *
   * @param drained whether everything that it ever sent was read, so that a task that it neither
   *     reported nor noted as started has not started
   */
  void gone(Worker worker, Worker.End end, boolean drained) {
    List<PoolTask<?>> victims;
    boolean useless;
    String reason;
    lock.lock();
    try {
      if (worker.state == Worker.State.GONE) {
        return;
      }
      boolean unexpected = worker.state != Worker.State.STOPPING;
      boolean neverReady = worker.state == Worker.State.STARTING;
      boolean hadWork = !worker.inFlight.isEmpty();
      books.roster.move(worker, Worker.State.GONE);
      victims = takeTasks(worker, drained);
      useless = unexpected && (neverReady || (hadWork && victims.isEmpty()));
      if (useless) {
        books.startFailures.failure();
      }
      reason =
          worker.killReason != null
              ? worker.killReason
              : unexpected ? neverReady ? "not started" : "died" : "retired";
    } finally {
      lock.unlock();
    }
    FlightRecording.workerEnded(books.options.name(), worker, reason, end.exitCode());
    for (PoolTask<?> task : victims) {
      if (task.interrupted) {
        books.outcomes.drop(
            task, "the task did not end when it was stopped, and was killed: " + task);
      } else {
        books.outcomes.settle(task, null, crash(task, worker, end));
      }
    }
    release(worker, end, useless);
  }

  /**
   * Puts the tasks of a dead worker back into the queue, those excepted that may have started.
   *
   * @return those that may have started, and whose result somebody waits for
   */
  private List<PoolTask<?>> takeTasks(Worker worker, boolean drained) {
    List<PoolTask<?>> victims = new ArrayList<>();
    Set<PoolTask<?>> unsent = worker.outgoing.close();
    if (worker.inFlight.isEmpty()) {
      return victims;
    }
    long lastStarted = worker.lastStarted();
    boolean poolEnds = books.lifecycle.isStopped() || books.startFailures.broken() != null;
    for (Iterator<PoolTask<?>> tasks = worker.inFlight.descendingIterator(); tasks.hasNext(); ) {
      PoolTask<?> task = tasks.next();
      boolean mayHaveStarted =
          !drained || task.state == PoolTask.State.RUNNING || task.id == lastStarted;
      task.worker = null;
      if ((unsent.contains(task) || !mayHaveStarted) && !poolEnds && task.isWanted()) {
        task.state = PoolTask.State.QUEUED;
        books.queue.addFirst(task);
      } else {
        task.end();
        if (task.isWanted()) {
          victims.add(task);
        }
      }
    }
    worker.inFlight.clear();
    books.roster.lostTasks(worker);
    return victims;
  }

  /** Gives the place of a dead worker back, and starts another one if there is work for it. */
  private void release(Worker worker, Worker.End end, boolean useless) {
    List<PoolTask<?>> stranded = List.of();
    @Nullable WorkerStartException failure = null;
    lock.lock();
    try {
      books.roster.remove(worker);
      if (useless && !books.lifecycle.isStopped()) {
        if (books.startFailures.isTimeToGiveUp()
            && books.roster.size() == books.roster.starting()) {
          failure = books.startFailures.giveUp(books.options.name(), worker, end);
          stranded = books.queue.removeAll();
          stranded.forEach(PoolTask::end);
        } else {
          var _ = books.timer.after(books.startFailures.pause(), this::resumeStarting);
        }
      }
      rebalance.run();
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : stranded) {
      books.outcomes.settle(task, null, Objects.requireNonNull(failure));
    }
  }

  private void resumeStarting() {
    lock.lock();
    try {
      books.startFailures.resume();
      rebalance.run();
    } finally {
      lock.unlock();
    }
  }

  /** A thread of the pool has failed: nothing may wait for it for ever. */
  void breakDown(Throwable bug) {
    List<PoolTask<?>> pending;
    WorkerStartException failure =
        new WorkerStartException("pool must not lose one of its own threads: " + bug, bug);
    lock.lock();
    try {
      var _ = books.startFailures.breakDown(failure);
      pending = books.queue.removeAll();
      books.roster.copy().forEach(worker -> pending.addAll(worker.inFlight));
    } finally {
      lock.unlock();
    }
    pending.forEach(task -> books.outcomes.settle(task, null, failure));
  }

  private static WorkerCrashedException crash(PoolTask<?> task, Worker worker, Worker.End end) {
    String output =
        worker.killReason == null ? end.output() : worker.killReason + "\n" + end.output();
    WorkerCrashedException crash =
        new WorkerCrashedException(task.describe(), worker.id, worker.pid, end.exitCode(), output);
    if (end.cause() != null) {
      crash.initCause(end.cause());
    }
    return crash;
  }
}
