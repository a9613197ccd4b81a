package dev.bouncer.process.worker;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import org.jspecify.annotations.Nullable;

/** A task that a worker has run, as the worker's own recorder sees it. */
@Name("dev.bouncer.WorkerTask")
@Label("Worker Task")
@Description("A task in the worker that ran it, without the way there and back")
@Category({"Bouncer", "Process Pool"})
@Threshold("10 ms")
@StackTrace(false)
final class WorkerTaskEvent extends Event {
  @Label("Worker")
  int worker;

  @Label("Task")
  @Description("Its number in the pool")
  long task;

  @Label("Failure")
  @Description("The class of what it threw; empty if it returned")
  @Nullable String failure;

  /** Ends the task and records it if it was long enough. */
  void emit(int worker, long task, @Nullable Throwable failure) {
    end();
    if (shouldCommit()) {
      this.worker = worker;
      this.task = task;
      this.failure = failure == null ? "" : failure.getClass().getName();
      commit();
    }
  }
}
