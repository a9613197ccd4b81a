package dev.bouncer;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Threads that are expensive to start: one that has nothing to do stays for a while and takes up
 * the next task. The thread that became idle last is used first, so that a pool that is larger than
 * its load shrinks to it.
 */
final class ReusedThreads implements Workers {
  private static final long KEEP_ALIVE_NANOS = Duration.ofSeconds(60).toNanos();

  private final ThreadFactory factory;
  private final ReentrantLock lock = new ReentrantLock();
  private final ArrayDeque<Worker> idle = new ArrayDeque<>();
  private int threads;
  private int maxThreads;
  private boolean shutdown;

  ReusedThreads(ThreadFactory factory, int maxThreads) {
    this.factory = factory;
    this.maxThreads = maxThreads;
  }

  @Override
  public void start(Runnable work) {
    lock.lock();
    try {
      Worker worker = idle.pollLast();
      if (worker != null) {
        worker.work = work;
        worker.changed.signal();
        return;
      }
      threads++;
    } finally {
      lock.unlock();
    }
    boolean started = false;
    try {
      Thread thread = factory.newThread(new Worker(work));
      if (thread == null) {
        throw new IllegalStateException(
            "the thread factory returned no thread: factory=" + factory);
      }
      thread.start();
      started = true;
    } finally {
      if (!started) {
        ended();
      }
    }
  }

  private void ended() {
    lock.lock();
    try {
      threads--;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void resize(int maxWorkers) {
    lock.lock();
    try {
      maxThreads = maxWorkers;
      wakeSurplus();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void shutdown() {
    lock.lock();
    try {
      shutdown = true;
      wakeSurplus();
    } finally {
      lock.unlock();
    }
  }

  private void wakeSurplus() {
    idle.forEach(worker -> worker.changed.signal());
  }

  private final class Worker implements Runnable {
    private final Condition changed = lock.newCondition();
    private @Nullable Runnable work;

    Worker(Runnable first) {
      work = first;
    }

    @Override
    public void run() {
      try {
        for (Runnable next = work; next != null; next = awaitWork()) {
          next.run();
        }
      } finally {
        ended();
      }
    }

    /** Waits for more work; null when this thread is not needed any more. */
    private @Nullable Runnable awaitWork() {
      boolean _ = Thread.interrupted(); // meant for nobody: no task runs on this thread
      lock.lock();
      try {
        work = null;
        idle.addLast(this);
        long left = KEEP_ALIVE_NANOS;
        while (work == null && left > 0 && !shutdown && threads <= maxThreads) {
          try {
            left = changed.awaitNanos(left);
          } catch (InterruptedException meantForNobody) {
            // A stray interrupt does not end the thread.
          }
        }
        if (work == null) {
          boolean _ = idle.remove(this);
        }
        return work;
      } finally {
        lock.unlock();
      }
    }
  }
}
