package dev.bouncer.process;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/** A worker has ended. Made through {@link FlightRecording}. */
@Name("dev.bouncer.WorkerEnd")
@Label("Worker End")
@Description("A child JVM of a process pool has ended")
@Category({"Bouncer", "Process Pool"})
@StackTrace(false)
final class WorkerEndEvent extends Event {
  @Label("Pool")
  @Nullable String pool;

  @Label("Worker")
  int worker;

  @Label("PID")
  long pid;

  @Label("Reason")
  @Description("not started, died, retired, or why the pool killed it")
  @Nullable String reason;

  @Label("Exit Code")
  @Description("As the system tells it; empty if it does not")
  @Nullable String exitCode;

  @Label("Tasks")
  @Description("How many tasks it was given")
  long tasks;

  @Label("Age")
  @Timespan(Timespan.NANOSECONDS)
  long age;

  static void emit(
      String pool,
      int worker,
      long pid,
      String reason,
      @Nullable Integer exitCode,
      long tasks,
      long age) {
    WorkerEndEvent event = new WorkerEndEvent();
    if (event.shouldCommit()) {
      event.pool = pool;
      event.worker = worker;
      event.pid = pid;
      event.reason = reason;
      event.exitCode = exitCode == null ? "" : exitCode.toString();
      event.tasks = tasks;
      event.age = age;
      event.commit();
    }
  }
}
