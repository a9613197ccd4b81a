package dev.bouncer.process;

import dev.bouncer.process.worker.RunningTask;

/**
 * What a task can learn of itself and tell the pool, while it runs in a worker of a {@link
 * ProcessPool}. May be used from any thread of the worker.
 */
public interface TaskContext {

  /**
   * Returns the context of the task that runs in this worker.
   *
   * @return the context
   * @throws IllegalStateException if this JVM is no worker, or runs no task at this moment
   */
  static TaskContext current() {
    return RunningTask.current();
  }

  /**
   * Returns the number of this worker: 1 for the first worker of its pool, and never used again for
   * another one.
   *
   * @return the number, at least 1
   */
  int workerId();

  /**
   * Returns the number of this task in its pool.
   *
   * @return the number, at least 1
   */
  long taskId();

  /**
   * Returns whether somebody gave this task up: its future was cancelled with {@code cancel(true)}
   * or the pool was told to stop. The thread of the task was interrupted as well; a task that does
   * not end soon is killed together with its worker.
   *
   * @return whether the task should end
   */
  boolean isCancelled();

  /**
   * Tells the pool how far the task is.
   *
   * @param fraction from 0 to 1
   * @param message what it does at the moment, in a few words; cut after 1,000 characters
   * @throws IllegalArgumentException if the fraction is not from 0 to 1
   */
  void progress(double fraction, String message);
}
