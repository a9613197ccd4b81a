package dev.bouncer.process.worker;

import dev.bouncer.process.TaskContext;
import dev.bouncer.process.wire.FrameKind;
import org.jspecify.annotations.Nullable;

/**
 * The task that runs in this worker. A worker runs one task at a time, so that a task's threads all
 * find their context here.
 */
public final class RunningTask implements TaskContext {
  private static volatile @Nullable RunningTask current;

  private final int workerId;
  private final long taskId;
  private final Answers answers;
  private volatile boolean cancelled;

  RunningTask(int workerId, long taskId, Answers answers) {
    this.workerId = workerId;
    this.taskId = taskId;
    this.answers = answers;
  }

  /**
   * Returns the task that runs.
   *
   * @return it
   * @throws IllegalStateException if none does
   */
  public static RunningTask current() {
    RunningTask task = current;
    if (task == null) {
      throw new IllegalStateException(
          "TaskContext must be used in a task that runs in a worker of a ProcessPool: pid="
              + ProcessHandle.current().pid());
    }
    return task;
  }

  static void setCurrent(@Nullable RunningTask task) {
    current = task;
  }

  void cancel() {
    cancelled = true;
  }

  @Override
  public int workerId() {
    return workerId;
  }

  @Override
  public long taskId() {
    return taskId;
  }

  @Override
  public boolean isCancelled() {
    return cancelled;
  }

  @Override
  public void progress(double fraction, String message) {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new IllegalArgumentException("progress must be from 0 to 1: fraction=" + fraction);
    }
    answers.progress(
        taskId,
        fraction,
        message.length() > FrameKind.MAX_PROGRESS_TEXT
            ? message.substring(0, FrameKind.MAX_PROGRESS_TEXT)
            : message);
  }
}
