package dev.bouncer.process.worker;

import dev.bouncer.process.wire.WireInput;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Runs the tasks of a worker, one after the other, in the order in which they came; each gets
 * exactly one answer, in that order.
 *
 * <p>One thread calls {@link #run()}; another one, which reads what the pool sends, calls the rest.
 */
final class TaskLoop {

  /** A task as it came: its number and the rest of its frame. */
  record Arrived(long id, WireInput frame) {}

  private final int workerId;
  private final FunctionTable functions;
  private final Answers answers;
  private final Object lock = new Object();

  // guarded by lock
  private final ArrayDeque<Arrived> arrived = new ArrayDeque<>();
  private final Set<Long> revoked = new HashSet<>();
  private @Nullable RunningTask running;
  private @Nullable Thread runner;
  private boolean ending;

  TaskLoop(int workerId, FunctionTable functions, Answers answers) {
    this.workerId = workerId;
    this.functions = functions;
    this.answers = answers;
  }

  void add(Arrived task) {
    synchronized (lock) {
      arrived.add(task);
      lock.notifyAll();
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
      } else if (arrived.stream().anyMatch(task -> task.id() == id)) {
        revoked.add(id);
      }
    }
  }

  /** Makes {@link #run()} return when it has run what came before. */
  void end() {
    synchronized (lock) {
      ending = true;
      lock.notifyAll();
    }
  }

  void run() {
    synchronized (lock) {
      runner = Thread.currentThread();
    }
    for (Arrived task = next(); task != null; task = next()) {
      run(task);
    }
  }

  private @Nullable Arrived next() {
    synchronized (lock) {
      while (true) {
        Arrived task = arrived.poll();
        if (task == null) {
          if (ending) {
            return null;
          }
          try {
            lock.wait();
          } catch (InterruptedException stray) {
            // Left behind by a thread of an earlier task; it means nothing here.
          }
        } else if (revoked.remove(task.id())) {
          answers.revoked(task.id());
        } else {
          running = new RunningTask(workerId, task.id(), answers);
          RunningTask.setCurrent(running);
          return task;
        }
      }
    }
  }

  private void run(Arrived task) {
    answers.started(task.id());
    @Nullable Object result = null;
    @Nullable Throwable failure = null;
    try {
      WireInput frame = task.frame();
      Object function = functions.function(frame.getInt(), frame);
      boolean hasInput = frame.getByte() != 0;
      result = FunctionTable.call(function, hasInput ? functions.input(frame) : null);
    } catch (Throwable thrown) { // whatever a task throws, its worker lives on
      failure = thrown;
    }
    synchronized (lock) {
      running = null;
      RunningTask.setCurrent(null);
      Thread.interrupted(); // a cancel meant this task, not the next one
    }
    if (failure == null) {
      answers.result(task.id(), result);
    } else {
      answers.failure(task.id(), failure);
    }
  }
}
