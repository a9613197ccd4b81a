package dev.bouncer;

import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Hands the slots of a {@link MappingRun} to the pool: each when it has its permit, if it needs
 * one, and when the pool's queue has room for it.
 */
final class Submitter<T extends @Nullable Object, R extends @Nullable Object> {
  private final MappingRun<T, R, ?> run;
  private final PoolMapping<T, R> mapping;
  private final Pool pool;
  private final @Nullable Deadlines deadlines;

  /** Threads whose submit was refused by a full pool; the end of any task of the run wakes them. */
  private final ConcurrentLinkedQueue<Thread> refused = new ConcurrentLinkedQueue<>();

  Submitter(MappingRun<T, R, ?> run, PoolMapping<T, R> mapping, @Nullable Deadlines deadlines) {
    this.run = run;
    this.mapping = mapping;
    this.deadlines = deadlines;
    pool = mapping.pool();
  }

  /** Called by the feeder, for one slot after the other. */
  void submit(Slot<T, R> slot) {
    if (run.isStopping()) {
      slot.ended(null, new CancellationException("the run was stopped before the task started"));
      return;
    }
    if (mapping.byInput() == null) {
      submitToPool(slot);
      return;
    }
    try {
      Limiter limiter = mapping.byInput().apply(slot.input());
      submitWithPermit(slot, Objects.requireNonNull(limiter, "the limiter of an input"));
    } catch (Throwable thrown) {
      slot.ended(null, thrown);
    }
  }

  private void submitWithPermit(Slot<T, R> slot, Limiter limiter) {
    CompletableFuture<Permit> request = limiter.acquireAsync();
    slot.awaits(request);
    if (request.isDone() && !request.isCompletedExceptionally()) {
      slot.holds(request.resultNow());
      submitToPool(slot);
      return;
    }
    var _ =
        request.whenComplete((permit, failure) -> {
          if (permit == null) {
            slot.ended(null, Objects.requireNonNull(failure));
            return;
          }
          slot.holds(permit);
          try {
            // Not here: this thread gave a permit back, and a full pool may let us wait.
            Thread thread = Thread.ofVirtual().name("submit").unstarted(() -> submitToPool(slot));
            slot.submittedBy(thread);
            thread.start();
          } catch (Throwable noThread) {
            slot.ended(null, noThread);
          }
        });
  }

  private void submitToPool(Slot<T, R> slot) {
    CompletableFuture<R> future;
    try {
      future = submitWhenThereIsRoom(slot);
    } catch (Throwable thrown) {
      slot.ended(null, thrown);
      return;
    }
    slot.follow(future);
    if (deadlines != null) {
      if (future instanceof TaskFuture<?> task) {
        task.whenStarted(() -> deadlines.started(slot));
      } else {
        deadlines.started(slot);
      }
    }
  }

  private CompletableFuture<R> submitWhenThereIsRoom(Slot<T, R> slot) {
    try {
      return pool.submit(mapping.task(), slot.input());
    } catch (RejectedExecutionException refusal) {
      return submitAgain(slot, refusal);
    }
  }

  /**
   * A pool that refuses because its queue is full is asked again when a task of this run has ended;
   * the refusal stands if there is none, for then the pool is full of others' tasks.
   */
  private CompletableFuture<R> submitAgain(Slot<T, R> slot, RejectedExecutionException first) {
    Thread current = Thread.currentThread();
    RejectedExecutionException refusal = first;
    refused.add(current);
    try {
      while (!pool.isShutdown() && !run.isStopping()) {
        boolean willBeAskedAgain = run.hasSubmitted();
        try {
          return pool.submit(mapping.task(), slot.input());
        } catch (RejectedExecutionException again) {
          refusal = again;
        }
        if (!willBeAskedAgain) {
          break;
        }
        LockSupport.park(this);
      }
      throw refusal;
    } finally {
      boolean _ = refused.remove(current);
    }
  }

  /** A task of the run has ended. */
  void taskEnded() {
    if (!refused.isEmpty()) {
      refused.forEach(LockSupport::unpark);
    }
  }
}
