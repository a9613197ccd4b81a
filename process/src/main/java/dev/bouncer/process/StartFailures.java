package dev.bouncer.process;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Workers that died before they were of any use, several in a row: how long to wait before the next
 * try, and when to give up. Guarded by the lock of the books.
 */
final class StartFailures {
  private static final int GIVE_UP_AFTER = 5;
  private static final long FIRST_PAUSE_MILLIS = 50;
  private static final long LONGEST_PAUSE_MILLIS = 5_000;

  private int inARow;
  private boolean pausing;
  private @Nullable WorkerStartException broken;

  /** A worker works: whatever was wrong is over. */
  void success() {
    inARow = 0;
  }

  void failure() {
    inARow++;
  }

  boolean isTimeToGiveUp() {
    return inARow >= GIVE_UP_AFTER;
  }

  /** No worker is started until {@link #resume}. */
  Duration pause() {
    pausing = true;
    return Duration.ofMillis(
        Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS << Math.min(inARow - 1, 10)));
  }

  void resume() {
    pausing = false;
  }

  boolean mayStart() {
    return !pausing && broken == null;
  }

  /** Why the pool will never start a worker again; null while it will. */
  @Nullable WorkerStartException broken() {
    return broken;
  }

  WorkerStartException giveUp(String pool, Worker worker, Worker.End end) {
    return breakDown(
        new WorkerStartException(
            "workers must be able to start: pool="
                + pool
                + " failures in a row="
                + inARow
                + "; the last one, worker "
                + worker.id
                + ", ended before it ran a task: "
                + WorkerCrashedException.describe(end.exitCode(), end.output())
                + (end.cause() == null ? "" : " cause=" + end.cause())
                + (end.output().isBlank() ? "" : "; the last it printed:\n" + end.output().strip()),
            end.cause()));
  }

  WorkerStartException breakDown(WorkerStartException why) {
    broken = why;
    return why;
  }
}
