package dev.bouncer.process.worker;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Looks at a busy worker every millisecond: sends results that would otherwise wait behind a long
 * task, and tells the pool that a task runs that did not end within a beat. Sleeps while the worker
 * does.
 */
final class Heartbeat implements Runnable {
  private static final long BEAT_NANOS = 1_000_000;
  private static final int QUIET_BEATS = 20;

  private final Answers answers;
  private volatile boolean asleep = true;
  private volatile boolean busy;

  /** The task that runs, or 0; written by the thread that runs tasks. */
  private volatile long running;

  private @Nullable Thread thread;

  Heartbeat(Answers answers) {
    this.answers = answers;
  }

  void start() {
    Thread started = new Thread(this, "bouncer-worker-heartbeat");
    started.setDaemon(true);
    thread = started;
    started.start();
  }

  /** A task begins, whose start the pool has not been told. */
  void begins(long task) {
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
    long told = 0;
    int quiet = 0;
    while (true) {
      if (asleep) {
        LockSupport.park(this);
        continue;
      }
      LockSupport.parkNanos(this, BEAT_NANOS);
      answers.sendCollected();
      long now = running;
      if (now != 0 && now == seen && now != told) {
        told = now;
        answers.started(now);
      }
      seen = now;
      quiet = busy || now != 0 ? 0 : quiet + 1;
      busy = false;
      if (quiet > QUIET_BEATS) {
        quiet = 0;
        asleep = true;
        if (busy || running != 0) { // it began between the look and the nap
          asleep = false;
        }
      }
    }
  }
}
