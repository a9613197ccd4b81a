package dev.bouncer.process;

import jdk.jfr.FlightRecorder;
import org.jspecify.annotations.Nullable;

/**
 * The one door of the pool's side to the Flight Recorder. Loading the first event class of a JVM
 * costs a quarter of a second, so none is touched before somebody has started the recorder.
 */
final class FlightRecording {
  private FlightRecording() {}

  static void workerStarted(String pool, int worker, long pid, long nanos) {
    if (FlightRecorder.isInitialized()) {
      WorkerStartEvent.emit(pool, worker, pid, nanos);
    }
  }

  static void workerEnded(String pool, Worker worker, String reason, @Nullable Integer exitCode) {
    if (FlightRecorder.isInitialized()) {
      WorkerEndEvent.emit(
          pool,
          worker.id,
          worker.pid,
          reason,
          exitCode,
          worker.tasksGiven,
          System.nanoTime() - worker.madeAtNanos);
    }
  }

  static void heap(String pool, Worker worker, long used, long max) {
    if (FlightRecorder.isInitialized()) {
      WorkerHeapEvent.emit(pool, worker.id, worker.pid, used, max);
    }
  }

  /** Records a task from now until its future is done. */
  static void submitted(String pool, PoolTask<?> task) {
    if (FlightRecorder.isInitialized()) {
      ProcessTaskEvent event = new ProcessTaskEvent();
      if (event.isEnabled()) {
        event.begin();
        var _ = task.whenComplete((_, failure) -> event.emit(pool, task.describe(), failure));
      }
    }
  }
}
