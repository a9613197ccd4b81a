package dev.bouncer.process.worker;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Looks at a busy worker every millisecond: sends results that would otherwise wait behind a long
 * task, and when a task did not end within a beat tells the pool that it runs, and has another
 * thread listen to the pool meanwhile. Now and then, and before it goes to sleep, it tells how full
 * the heap is. Sleeps while the worker does.
 */
final class Heartbeat implements Runnable {
  private static final long BEAT_NANOS = 1_000_000;
  private static final int QUIET_BEATS = 20;
  private static final int HEAP_BEATS = 250;

  private final Answers answers;
  private final PoolReader reader;
  private volatile boolean asleep = true;
  private volatile boolean busy;

  /** The task that runs, or 0; written by the thread that runs tasks. */
  private volatile long running;

  /** The task whose start the pool was told last; written before {@link #running}. */
  private long told;

  private @Nullable Thread thread;

  Heartbeat(Answers answers, PoolReader reader) {
    this.answers = answers;
    this.reader = reader;
  }

  void start() {
    Thread started = new Thread(this, "bouncer-worker-heartbeat");
    started.setDaemon(true);
    thread = started;
    started.start();
  }

  /**
   * A task begins.
   *
   * @param poolKnows whether the pool has been told
   */
  void begins(long task, boolean poolKnows) {
    if (poolKnows) {
      told = task;
    }
    running = task;
    busy = true;
    if (asleep) {
      asleep = false;
      LockSupport.unpark(thread);
    }
  }

  void ended() {
    running = 0;
  }

  @Override
  public void run() {
    long seen = 0;
    long takenOver = 0;
    int quiet = 0;
    int sinceHeap = 0;
    while (true) {
      if (asleep) {
        LockSupport.park(this);
        continue;
      }
      LockSupport.parkNanos(this, BEAT_NANOS);
      answers.sendCollected();
      long now = running;
      if (now != 0 && now == seen && now != takenOver) {
        takenOver = now;
        reader.takeOver(now);
        if (now != told) {
          answers.started(now);
        }
      }
      if (++sinceHeap == HEAP_BEATS) {
        sinceHeap = 0;
        answers.heap();
      }
      seen = now;
      quiet = busy || now != 0 ? 0 : quiet + 1;
      busy = false;
      if (quiet > QUIET_BEATS) {
        quiet = 0;
        sinceHeap = 0;
        answers.heap();
        asleep = true;
        if (busy || running != 0) { // it began between the look and the nap
          asleep = false;
        }
      }
    }
  }
}
