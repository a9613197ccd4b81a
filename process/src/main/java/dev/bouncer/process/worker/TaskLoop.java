package dev.bouncer.process.worker;

import dev.bouncer.process.wire.Slab;
import dev.bouncer.process.wire.SlabSlot;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.WireInput;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs the tasks of a worker, one after the other, in the order in which they came. Each gets
 * exactly one answer; those that ran are answered in that order.
 *
 * <p>One thread calls {@link #run}; whichever reads what the pool sends calls the rest.
 */
final class TaskLoop {

  /** A task as it came: its number, the rest of its frame, and the slab that a part of it is in. */
  record Arrived(long id, WireInput frame, @Nullable SlabSlot slot) {}

  private final int workerId;
  private final FunctionTable functions;
  private final Answers answers;
  private final Slabs slabs;
  private final Object lock = new Object();

  // guarded by lock
  private final ArrayDeque<Arrived> arrived = new ArrayDeque<>();
  private @Nullable RunningTask running;
  private @Nullable Thread runner;
  private boolean waiting;
  private boolean ending;

  TaskLoop(int workerId, FunctionTable functions, Answers answers, Slabs slabs) {
    this.workerId = workerId;
    this.functions = functions;
    this.answers = answers;
    this.slabs = slabs;
  }

  void add(List<Arrived> tasks) {
    synchronized (lock) {
      arrived.addAll(tasks);
      wakeRunner();
    }
  }

  /** Interrupts the task if it runs, and keeps it from starting if it does not. */
  void cancel(long id) {
    synchronized (lock) {
      if (running != null && running.taskId() == id) {
        running.cancel();
        if (runner != null) {
          runner.interrupt();
        }
        return;
      }
      if (!arrived.removeIf(task -> task.id() == id && freeSlab(task))) {
        return; // answered already
      }
    }
    answers.revoked(List.of(id));
  }

  /** Gives every task back that has not started; the last one first. */
  void revoke() {
    List<Long> ids = new ArrayList<>();
    synchronized (lock) {
      while (!arrived.isEmpty()) {
        Arrived task = arrived.removeLast();
        var _ = freeSlab(task);
        ids.add(task.id());
      }
    }
    answers.revoked(ids);
  }

  /** Gives up what a task that will not run has in a slab; always true. */
  private boolean freeSlab(Arrived task) {
    Slab slab = task.slot() == null ? null : slabs.get(task.slot());
    if (slab != null) {
      slab.free(task.id());
    }
    return true;
  }

  /** Makes {@link #run} return when it has run what came before. */
  void end() {
    synchronized (lock) {
      ending = true;
      wakeRunner();
    }
  }

  /** Returns whether this task runs now. */
  boolean runs(long id) {
    synchronized (lock) {
      return running != null && running.taskId() == id;
    }
  }

  /** Returns whether no task waits to be run, and more may come. */
  boolean hasNothingToDo() {
    synchronized (lock) {
      return arrived.isEmpty() && !ending;
    }
  }

  /** Something may have changed for a thread that waits for tasks: it looks again. */
  void wake() {
    synchronized (lock) {
      wakeRunner();
    }
  }

  private void wakeRunner() {
    if (waiting) {
      lock.notifyAll();
    }
  }

  /** Runs tasks until {@link #end}. */
  void run(PoolReader reader, Heartbeat heartbeat) {
    synchronized (lock) {
      runner = Thread.currentThread();
    }
    for (Arrived task = next(reader); task != null; task = next(reader)) {
      run(task, heartbeat);
    }
  }

  private @Nullable Arrived next(PoolReader reader) {
    while (true) {
      synchronized (lock) {
        Arrived task = arrived.poll();
        if (task != null) {
          Thread.interrupted(); // left behind by a thread of an earlier task
          running = new RunningTask(workerId, task.id(), answers);
          RunningTask.setCurrent(running);
          return task;
        }
        if (ending) {
          return null;
        }
      }
      if (!reader.receive()) {
        awaitArrival(reader);
      }
    }
  }

  /** Another thread reads: waits until it has brought something, or stopped. */
  private void awaitArrival(PoolReader reader) {
    synchronized (lock) {
      waiting = true;
      while (arrived.isEmpty() && !ending && reader.isReading()) {
        try {
          lock.wait();
        } catch (InterruptedException stray) {
          // Left behind by a thread of an earlier task; it means nothing here.
        }
      }
      waiting = false;
    }
  }

  private void run(Arrived task, Heartbeat heartbeat) {
    heartbeat.begins(task.id(), answers.starting(task.id()));
    WorkerTaskEvent event = TaskRecording.begins();
    long start = System.nanoTime();
    @Nullable Object result = null;
    @Nullable Throwable failure = null;
    try {
      WireInput frame = task.frame();
      Object function = functions.function(frame.getInt(), frame);
      boolean hasInput = frame.getByte() != 0;
      result = FunctionTable.call(function, hasInput ? functions.input(frame) : null);
    } catch (Throwable thrown) { // whatever a task throws, its worker lives on
      failure = thrown;
      var _ = freeSlab(task); // it may not have come to read it
    }
    long nanos = System.nanoTime() - start;
    heartbeat.ended();
    if (event != null) {
      event.emit(workerId, task.id(), failure);
    }
    boolean more;
    synchronized (lock) {
      running = null;
      RunningTask.setCurrent(null);
      Thread.interrupted(); // a cancel meant this task, not the next one
      more = !arrived.isEmpty();
    }
    if (failure == null) {
      answers.result(task.id(), nanos, result, more);
    } else {
      answers.failure(task.id(), nanos, failure);
    }
  }
}
