package dev.bouncer.process.worker;

import jdk.jfr.FlightRecorder;
import org.jspecify.annotations.Nullable;

/** The one door of the worker's side to the Flight Recorder; costs a look while nobody records. */
final class TaskRecording {
  private TaskRecording() {}

  /** A task begins; null if nobody records. */
  static @Nullable WorkerTaskEvent begins() {
    if (!FlightRecorder.isInitialized()) {
      return null;
    }
    WorkerTaskEvent event = new WorkerTaskEvent();
    event.begin();
    return event;
  }
}
