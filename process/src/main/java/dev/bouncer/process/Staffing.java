package dev.bouncer.process;

import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Decides when a worker is started and when one is ended. All methods but those on the timer are
 * called with the lock of the books held; nothing here waits for a process.
 */
final class Staffing {
  private final Books books;
  private final @Nullable EncodedFunction initializer;
  private final Dispatcher dispatcher;
  private final WorkerLauncher launcher;
  private final ReentrantLock lock;

  Staffing(
      Books books,
      @Nullable EncodedFunction initializer,
      Dispatcher dispatcher,
      WorkerLauncher launcher) {
    this.books = books;
    this.initializer = initializer;
    this.dispatcher = dispatcher;
    this.launcher = launcher;
    this.lock = books.lock;
  }

  void setMaxWorkers(int newMax) {
    books.maxWorkers = newMax;
    while (books.roster.hasIdle() && isOverstaffed()) {
      retire(books.roster.takeColdest());
    }
  }

  /** There are more workers than there may be, as the limit was lowered. */
  boolean isOverstaffed() {
    return books.roster.live() > books.maxWorkers + books.options.spare();
  }

  boolean isWornOut(Worker worker) {
    return books.options.maxTasksPerWorker().isPresent()
        && worker.tasksGiven >= books.options.maxTasksPerWorker().getAsInt();
  }

  /**
   * Starts workers as far as needed and allowed.
   *
   * @param queued how many tasks wait for a worker
   * @param moreToCome whether tasks may still be submitted
   */
  void startWorkers(int queued, boolean moreToCome) {
    if (!books.startFailures.mayStart()) {
      return;
    }
    int needed = Math.min(books.maxWorkers, books.roster.busy() + queued);
    if (moreToCome) {
      needed = Math.max(needed, books.options.minWorkers());
      needed += needed > 0 ? books.options.spare() : 0;
    }
    while (books.roster.live() < needed
        && books.roster.size() < books.maxWorkers + books.options.spare()) {
      start();
    }
  }

  private void start() {
    Worker worker = new Worker(books.roster.nextId(), dispatcher, books.options, initializer, lock);
    books.roster.add(worker);
    launcher.launch(worker);
    var _ =
        books.timer.after(
            books.options.startTimeout(),
            () -> {
              if (dispatcher.reports().isWanted(worker)) {
                worker.kill(); // its end counts as a start that failed
              }
            });
  }

  /** A worker has nothing to do: it waits for a task, or ends. */
  void offer(Worker worker) {
    if (isOverstaffed() || isWornOut(worker)) {
      retire(worker);
      return;
    }
    books.roster.rest(worker);
    if (books.options.idleTimeout() != null) {
      long since = worker.idleSinceNanos;
      var _ =
          books.timer.after(books.options.idleTimeout(), () -> retireIfIdleSince(worker, since));
    }
  }

  private void retireIfIdleSince(Worker worker, long since) {
    lock.lock();
    try {
      if (books.roster.isIdle(worker)
          && worker.idleSinceNanos == since
          && books.roster.live() > books.options.minWorkers()) {
        retire(worker);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Ends a worker that has nothing to do: asks it first. */
  void retire(Worker worker) {
    books.roster.move(worker, Worker.State.STOPPING);
    worker.outgoing.add(new Outgoing.ShutDown());
    var _ = books.timer.after(books.options.killAfter().plusSeconds(1), worker::kill);
  }

  /** Ends a worker at once, whatever it does. */
  void kill(Worker worker) {
    books.roster.move(worker, Worker.State.STOPPING);
    var _ = books.timer.after(Duration.ZERO, worker::kill);
  }

  /** Ends all workers that have nothing to do; no more tasks will come. */
  void dismissIdle() {
    for (Worker worker : books.roster.copy()) {
      if (books.roster.isIdle(worker)) {
        retire(worker);
      } else if (worker.state == Worker.State.STARTING) {
        kill(worker); // nothing is left for it to do
      }
    }
  }

  /** An idle worker that is too large is replaced; a busy one is killed with its task. */
  void tooLarge(Worker worker, long resident, long limit) {
    if (books.roster.isIdle(worker)) {
      retire(worker);
    } else if (worker.state == Worker.State.READY) {
      worker.killReason = "rss must stay below maxRss: rss=" + resident + " maxRss=" + limit;
      kill(worker);
    }
  }

  /** No worker is left, and none will be started. */
  void end() {
    launcher.end();
  }
}
