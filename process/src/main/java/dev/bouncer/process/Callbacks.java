package dev.bouncer.process;

import java.util.Iterator;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * Completes futures such that code of the user never runs on a thread that reads from a worker: a
 * future that only has threads waiting is completed at once; one with callbacks gets a virtual
 * thread of its own, so that a callback that blocks harms nobody else.
 */
final class Callbacks {
  private static final long CHECK_NANOS = 50_000;

  /** Futures that a virtual thread is about to complete. */
  private final ConcurrentLinkedQueue<PoolTask<?>> handedOver = new ConcurrentLinkedQueue<>();

  void complete(PoolTask<?> task, Runnable completion) {
    if (!task.hasCallbacks()) {
      completion.run();
      return;
    }
    forgetDone();
    handedOver.add(task);
    var _ = Thread.ofVirtual().name("bouncer-callback").start(completion);
  }

  /** Waits until every future is done; the callbacks may still run. */
  void awaitDone() {
    for (PoolTask<?> task : handedOver) {
      while (!task.isDone()) {
        LockSupport.parkNanos(this, CHECK_NANOS);
      }
    }
  }

  private void forgetDone() {
    for (Iterator<PoolTask<?>> tasks = handedOver.iterator();
        tasks.hasNext() && tasks.next().isDone(); ) {
      tasks.remove();
    }
  }
}
