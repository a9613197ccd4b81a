package dev.bouncer.process;

import dev.bouncer.PoolStats;
import dev.bouncer.process.wire.BriefSpin;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What users do to a pool: submit, abandon, resize, look, end. The counterpart of {@link
 * WorkerReports}.
 *
 * <p>Both change the {@link Books}, under their lock. {@link Assignment} decides who gets which
 * task, {@link Staffing} when a worker starts or ends, {@link Losses} what becomes of a dead one's
 * tasks.
 */
final class Dispatcher {
  private static final Duration MEMORY_CHECK = Duration.ofMillis(100);

  private final WorkerLauncher launcher;

  /** For threads that wait for the end of a short task. */
  final BriefSpin callersSpin = new BriefSpin();

  private final Books books;
  private final ReentrantLock lock;
  private final Staffing staffing;
  private final Assignment assignment;
  private final Losses losses;
  private final WorkerReports reports;
  private final Runnable onTermination;

  Dispatcher(
      PoolOptions options,
      WorkerLauncher launcher,
      @Nullable EncodedFunction initializer,
      Runnable onTermination) {
    this.launcher = launcher;
    launcher.serve(this);
    this.onTermination = onTermination;
    this.books = new Books(options, new PoolTimer(options.name(), this::guard));
    this.lock = books.lock;
    this.staffing = new Staffing(books, initializer, this, launcher);
    this.assignment = new Assignment(books, staffing);
    this.losses = new Losses(books, this::rebalance);
    this.reports =
        new WorkerReports(
            books, staffing, assignment, losses, this::rebalance, initializer != null);
    options
        .maxRssBytes()
        .ifPresent(limit -> books.timer.every(MEMORY_CHECK, () -> checkMemory(limit)));
    if (options.minWorkers() > 0) {
      lock.lock();
      try {
        rebalance();
      } finally {
        lock.unlock();
      }
    }
  }

  WorkerReports reports() {
    return reports;
  }

  /**
   * Does what follows from the books, after they were changed: gives tasks to idle workers, starts
   * workers, takes a pool that was shut down a step closer to its end. Called with the lock held.
   */
  private void rebalance() {
    assignment.assign();
    if (!books.lifecycle.isStopped()) {
      staffing.startWorkers(books.queue.size(), books.lifecycle.acceptsTasks());
    }
    if (books.lifecycle.acceptsTasks()
        || books.lifecycle.isTerminated()
        || !books.queue.isEmpty()) {
      return;
    }
    staffing.dismissIdle();
    if (books.roster.isEmpty()) {
      books.lifecycle.terminate();
      staffing.end();
      books.timer.end();
      onTermination.run();
    }
  }

  void submit(PoolTask<?> task) {
    @Nullable Worker idle = null;
    lock.lock();
    try {
      WorkerStartException broken = books.startFailures.broken();
      if (!books.lifecycle.acceptsTasks() || broken != null) {
        books.outcomes.rejected.increment();
        throw new RejectedExecutionException(
            broken == null
                ? "pool must not be shut down: name=" + books.options.name()
                : "pool must be able to start workers: name=" + books.options.name(),
            broken);
      }
      task.id = ++books.lastTaskId;
      idle = assignment.assignAtOnce(task);
      if (idle == null) {
        books.queue.addLast(task);
      }
      rebalance();
    } finally {
      lock.unlock();
      if (idle != null) {
        idle.writeAtOnce(task);
      }
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
          books.queue.remove(task);
          task.end();
          rebalance();
        }
        return true;
      }
      if (interrupt && task.state != PoolTask.State.ENDED) {
        assignment.interrupt(task);
        rebalance();
        return task.state == PoolTask.State.ENDED;
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  void countCancelled() {
    books.outcomes.cancelled.increment();
  }

  int maxWorkers() {
    lock.lock();
    try {
      return books.maxWorkers;
    } finally {
      lock.unlock();
    }
  }

  void setMaxWorkers(int newMax) {
    lock.lock();
    try {
      staffing.setMaxWorkers(newMax);
      rebalance();
    } finally {
      lock.unlock();
    }
  }

  void shutdown() {
    lock.lock();
    try {
      books.lifecycle.shutDown();
      rebalance();
    } finally {
      lock.unlock();
    }
  }

  List<PoolTask<?>> shutdownNow() {
    List<PoolTask<?>> neverStarted;
    lock.lock();
    try {
      neverStarted = books.queue.removeAll();
      neverStarted.forEach(PoolTask::end);
      if (books.lifecycle.stop()) {
        for (Worker worker : books.roster.copy()) {
          List.copyOf(worker.inFlight).forEach(assignment::interrupt);
        }
      }
      rebalance();
    } finally {
      lock.unlock();
    }
    for (PoolTask<?> task : neverStarted) {
      books.outcomes.drop(
          task, "the pool was stopped before the task started: " + books.options.name());
    }
    return neverStarted;
  }

  boolean isShutdown() {
    lock.lock();
    try {
      return !books.lifecycle.acceptsTasks();
    } finally {
      lock.unlock();
    }
  }

  boolean isTerminated() {
    lock.lock();
    try {
      return books.lifecycle.isTerminated();
    } finally {
      lock.unlock();
    }
  }

  boolean awaitTermination(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      if (!books.lifecycle.awaitTermination(nanos)) {
        return false;
      }
    } finally {
      lock.unlock();
    }
    books.outcomes.awaitDone();
    launcher.awaitEnd();
    return true;
  }

  /** Returns whether the pool has nothing to do. */
  boolean isIdle() {
    lock.lock();
    try {
      return books.roster.busy() == 0 && books.queue.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  WorkerLauncher launcher() {
    return launcher;
  }

  PoolStats stats() {
    lock.lock();
    try {
      return new PoolStats(
          books.options.name(),
          books.maxWorkers,
          books.roster.busy(),
          books.queue.size(),
          books.lastTaskId,
          books.outcomes.completed.sum(),
          books.outcomes.failed.sum(),
          books.outcomes.cancelled.sum(),
          books.outcomes.rejected.sum());
    } finally {
      lock.unlock();
    }
  }

  List<WorkerInfo> workers() {
    List<WorkerInfo> all = new ArrayList<>();
    lock.lock();
    try {
      long now = System.nanoTime();
      for (Worker worker : books.roster.copy()) {
        all.add(worker.info(now));
      }
    } finally {
      lock.unlock();
    }
    return all.stream().map(WorkerInfo::withMemory).toList();
  }

  /** Kills every child, at once: the JVM ends. */
  void killAll() {
    List<Worker> all;
    lock.lock();
    try {
      var _ = books.lifecycle.stop();
      all = books.roster.copy();
    } finally {
      lock.unlock();
    }
    all.forEach(Worker::kill);
  }

  /** Runs the body of a thread of the pool; if it fails, nothing may wait for it for ever. */
  void guard(Runnable body) {
    try {
      body.run();
    } catch (Throwable bug) {
      losses.breakDown(bug);
      killAll();
      throw bug;
    }
  }

  private void checkMemory(long limit) {
    List<Worker> all;
    lock.lock();
    try {
      all = books.roster.copy();
    } finally {
      lock.unlock();
    }
    for (Worker worker : all) {
      OptionalLong resident =
          worker.pid == 0 ? OptionalLong.empty() : ProcessMemory.resident(worker.pid);
      if (resident.isPresent() && resident.getAsLong() > limit) {
        lock.lock();
        try {
          staffing.tooLarge(worker, resident.getAsLong(), limit);
        } finally {
          lock.unlock();
        }
      }
    }
  }
}
