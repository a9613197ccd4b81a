package dev.bouncer.process;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/** A worker has started. Made through {@link FlightRecording}. */
@Name("dev.bouncer.WorkerStart")
@Label("Worker Start")
@Description("A child JVM of a process pool has said hello")
@Category({"Bouncer", "Process Pool"})
@StackTrace(false)
final class WorkerStartEvent extends Event {
  @Label("Pool")
  @Nullable String pool;

  @Label("Worker")
  int worker;

  @Label("PID")
  long pid;

  @Label("Start Time Taken")
  @Description("From the decision to start it")
  @Timespan(Timespan.NANOSECONDS)
  long taken;

  static void emit(String pool, int worker, long pid, long taken) {
    WorkerStartEvent event = new WorkerStartEvent();
    if (event.shouldCommit()) {
      event.pool = pool;
      event.worker = worker;
      event.pid = pid;
      event.taken = taken;
      event.commit();
    }
  }
}
