package dev.bouncer.process;

import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import org.jspecify.annotations.Nullable;

/** A task, from its submit to the end of its future. Made through {@link FlightRecording}. */
@Name("dev.bouncer.ProcessTask")
@Label("Process Task")
@Description("A task of a process pool, from its submit until its future was done")
@Category({"Bouncer", "Process Pool"})
@Threshold("10 ms")
@StackTrace(false)
final class ProcessTaskEvent extends Event {
  @Label("Pool")
  @Nullable String pool;

  @Label("Task")
  @Description("Its number in the pool, and its function")
  @Nullable String task;

  @Label("Outcome")
  @Description("completed, failed, crashed, timed out or cancelled")
  @Nullable String outcome;

  /** Ends the task and records it if it was long enough. */
  void emit(String pool, String task, @Nullable Throwable failure) {
    end();
    if (shouldCommit()) {
      this.pool = pool;
      this.task = task;
      this.outcome = outcome(failure);
      commit();
    }
  }

  private static String outcome(@Nullable Throwable failure) {
    return switch (failure) {
      case null -> "completed";
      case WorkerCrashedException _ -> "crashed";
      case TimeoutException _ -> "timed out";
      case CancellationException _ -> "cancelled";
      default -> "failed";
    };
  }
}
