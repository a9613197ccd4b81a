package dev.bouncer.process;

import dev.bouncer.process.wire.ProtocolException;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Decides which worker gets which task, and takes tasks back. All methods but those on the timer
 * are called with the lock of the books held.
 *
 * <p>Tasks are sent ahead to a worker that is busy, so that it need not wait for each: as many as
 * are expected to take a moment all together. A task whose cost is not known is never sent ahead,
 * so long tasks do not queue behind each other while other workers are free. Only a worker with a
 * ledger gets tasks ahead: if it dies, the ledger tells the one that ran from those that did not.
 */
final class Assignment {
  /** How many tasks a worker holds at most. */
  private static final int MAX_AHEAD = 4_096;

  /** How long the tasks that a worker holds may be expected to take. */
  private static final long AHEAD_NANOS = 1_000_000;

  private static final Duration LONGER_THAN_EXPECTED = Duration.ofMillis(5);

  private final Books books;
  private final Staffing staffing;
  private final ReentrantLock lock;

  Assignment(Books books, Staffing staffing) {
    this.books = books;
    this.staffing = staffing;
    this.lock = books.lock;
  }

  /** Gives queued tasks to idle workers, as far as allowed. */
  void assign() {
    while (!books.queue.isEmpty()
        && books.roster.hasIdle()
        && books.roster.busy() < books.maxWorkers) {
      Worker worker = books.roster.takeWarmest();
      give(worker, books.queue.removeFirst());
      sendAhead(worker);
    }
  }

  /**
   * Gives a new task to an idle worker to which the calling thread can write it without blocking,
   * once it has let go of the lock: that saves a hand-over to the worker's writer.
   *
   * @return the worker, to be called by {@link Worker#writeAtOnce}; null if the task must be queued
   */
  @Nullable Worker assignAtOnce(PoolTask<?> task) {
    if (!books.queue.isEmpty()
        || !books.roster.hasIdle()
        || books.roster.busy() >= books.maxWorkers) {
      return null;
    }
    Worker worker = books.roster.warmest();
    if (!worker.claimPipe(task)) {
      return null;
    }
    var _ = books.roster.takeWarmest();
    note(worker, task);
    return worker;
  }

  private void give(Worker worker, PoolTask<?> task) {
    note(worker, task);
    worker.outgoing.add(new Outgoing.RunTask(task));
  }

  private void note(Worker worker, PoolTask<?> task) {
    task.state = PoolTask.State.ASSIGNED;
    task.worker = worker;
    task.plannedNanos = task.function.cost.nanos();
    worker.tasksGiven++;
    books.roster.gotTask(worker, task);
  }

  /** The oldest task of a worker has ended. */
  void ended(Worker worker, PoolTask<?> task) {
    PoolTask<?> oldest = worker.inFlight.removeFirst();
    assert oldest == task;
    task.end();
    forget(worker, task);
  }

  private void forget(Worker worker, PoolTask<?> task) {
    task.worker = null;
    worker.plannedNanos -= task.plannedNanos;
    books.roster.lostTasks(worker);
  }

  /** Some tasks of a worker have left it: it gets others, waits for one, or ends. */
  void placesFreed(Worker worker) {
    if (worker.state == Worker.State.READY) {
      if (worker.inFlight.isEmpty()) {
        staffing.offer(worker);
      } else if (worker.inFlight.size() <= MAX_AHEAD / 2) {
        sendAhead(worker);
      }
    }
  }

  /** Fills up what a busy worker holds. */
  void sendAhead(Worker worker) {
    if (books.queue.isEmpty()
        || worker.state != Worker.State.READY
        || worker.inFlight.isEmpty()
        || worker.headIsLong
        || staffing.isOverstaffed()) {
      return;
    }
    if (worker.ledgerState != Worker.LedgerState.KEPT) {
      if (worker.ledgerState == Worker.LedgerState.NONE
          && books.queue.first().function.cost.nanos() < AHEAD_NANOS) {
        worker.ledgerState = Worker.LedgerState.ASKED_FOR;
        worker.outgoing.add(new Outgoing.NoLedgerYet());
      }
      return;
    }
    boolean wasAlone = worker.inFlight.size() == 1;
    while (!books.queue.isEmpty()
        && worker.inFlight.size() < MAX_AHEAD
        && !staffing.isWornOut(worker)
        && worker.plannedNanos + books.queue.first().function.cost.nanos() < AHEAD_NANOS) {
      give(worker, books.queue.removeFirst());
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
    var _ = books.timer.after(LONGER_THAN_EXPECTED, () -> look(worker, head));
  }

  private void look(Worker worker, long headBefore) {
    lock.lock();
    try {
      worker.watched = false;
      if (worker.inFlight.size() < 2 || worker.state != Worker.State.READY) {
        return;
      }
      if (worker.inFlight.getFirst().id == headBefore && !worker.headIsLong) {
        worker.headIsLong = true;
        worker.outgoing.add(new Outgoing.RevokeTasks());
      }
      watch(worker);
    } finally {
      lock.unlock();
    }
  }

  /** A worker gave a task back that it had not started: it is queued again if it is wanted. */
  PoolTask<?> givenBack(Worker worker, long taskId) throws ProtocolException {
    PoolTask<?> task = worker.inFlight.peekLast(); // they come in the order of the last first
    if (task == null || task.id != taskId) {
      task =
          worker.inFlight.stream()
              .filter(flying -> flying.id == taskId)
              .findFirst()
              .orElseThrow(() -> new ProtocolException("task must be in flight: task=" + taskId));
    }
    if (task.state == PoolTask.State.RUNNING) {
      throw new ProtocolException("task must not be given back after it started: task=" + taskId);
    }
    var _ = worker.inFlight.removeLastOccurrence(task);
    forget(worker, task);
    if (task.interrupted || !task.isWanted()) {
      task.end();
    } else {
      task.state = PoolTask.State.QUEUED;
      books.queue.addFirst(task);
    }
    placesFreed(worker);
    return task;
  }

  /** Tells the worker of a task to interrupt it, and kills the worker if that does not help. */
  void interrupt(PoolTask<?> task) {
    Worker worker = task.worker;
    if (worker == null || task.interrupted) {
      return;
    }
    task.interrupted = true;
    if (worker.outgoing.withdraw(task)) { // it was never sent
      worker.inFlight.remove(task);
      task.end();
      forget(worker, task);
      placesFreed(worker);
      return;
    }
    worker.outgoing.add(new Outgoing.CancelTask(task.id));
    var _ = books.timer.after(books.options.killAfter(), () -> killIfStillThere(task, worker));
  }

  private void killIfStillThere(PoolTask<?> task, Worker worker) {
    lock.lock();
    try {
      if (task.worker == worker) {
        staffing.kill(worker);
      }
    } finally {
      lock.unlock();
    }
  }
}
