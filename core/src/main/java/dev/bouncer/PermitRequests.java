package dev.bouncer;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Asks the limiter of a {@link ThreadPool} for a permit for each task that has got a place; a task
 * gets its thread when it has its permit. A task whose request fails, fails.
 */
final class PermitRequests {
  private final Limiter limiter;
  private final Admission admission;
  private final Runnable startThread;

  /** Calls of {@link #ask} that one thread serves one after the other. */
  private final AtomicInteger asking = new AtomicInteger();

  /**
   * Asks for nothing yet.
   *
   * @param startThread starts a thread of the pool
   */
  PermitRequests(Limiter limiter, Admission admission, Runnable startThread) {
    this.limiter = limiter;
    this.admission = admission;
    this.startThread = startThread;
  }

  /**
   * Asks for the tasks that have got a place since. Without recursion: a request that fails gives
   * the place to the next task, and so on through the whole queue if the limiter is closed. Hence
   * the loop: a call that finds another one at work leaves its tasks to it.
   */
  void ask() {
    if (asking.getAndIncrement() == 0) {
      do {
        for (var task = admission.pollUnasked(); task != null; task = admission.pollUnasked()) {
          askFor(task);
        }
      } while (asking.decrementAndGet() != 0);
    }
  }

  private void askFor(PooledTask<?> task) {
    CompletableFuture<Permit> request;
    try {
      request = limiter.acquireAsync();
    } catch (Throwable thrown) { // a limiter that does not keep its contract
      request = CompletableFuture.failedFuture(thrown);
    }
    task.request = request;
    if (task.isClaimed()) {
      task.cancelRequest();
    }
    var _ =
        request.whenComplete((permit, failure) -> {
          task.request = null;
          if (permit != null) {
            granted(task, permit);
          } else if (admission.refused(task)) {
            refused(task, Objects.requireNonNull(failure));
          }
        });
  }

  private void granted(PooledTask<?> task, Permit permit) {
    switch (admission.granted(task, permit)) {
      case NOT_NEEDED -> permit.close();
      case READY -> {}
      case START_THREAD -> startThread.run();
    }
  }

  private void refused(PooledTask<?> task, Throwable failure) {
    task.abort(failure);
    if (admission.failed(task)) {
      startThread.run();
    }
    ask();
  }
}
