package dev.bouncer.process;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/** How full the heap of a worker is. Made through {@link FlightRecording}. */
@Name("dev.bouncer.WorkerHeap")
@Label("Worker Heap")
@Description("A child JVM of a process pool has told how full its heap is")
@Category({"Bouncer", "Process Pool"})
@StackTrace(false)
final class WorkerHeapEvent extends Event {
  @Label("Pool")
  @Nullable String pool;

  @Label("Worker")
  int worker;

  @Label("PID")
  long pid;

  @Label("Used")
  @Description("Garbage included")
  @DataAmount
  long used;

  @Label("Max")
  @DataAmount
  long max;

  static void emit(String pool, int worker, long pid, long used, long max) {
    WorkerHeapEvent event = new WorkerHeapEvent();
    if (event.shouldCommit()) {
      event.pool = pool;
      event.worker = worker;
      event.pid = pid;
      event.used = used;
      event.max = max;
      event.commit();
    }
  }
}
