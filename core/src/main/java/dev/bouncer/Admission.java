package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Who may run and who waits: the state of a {@link ThreadPool} without its threads.
 *
 * <p>A task that may run holds a <i>place</i>; there are {@code maxWorkers} places. A place is held
 * until the task's body has ended <i>and</i> what depends on its future has run. Whoever gives a
 * place back takes the next queued task in the same step, so that a place is never free while a
 * task waits; that task must then be started by the caller.
 *
 * <p>Invariants, whenever the lock is free:
 *
 * <ul>
 *   <li>{@code held.size()} counts the places in use. It is above {@code maxWorkers} only after
 *       that was lowered.
 *   <li>If the queue is not empty, all places are in use.
 *   <li>Every task is in exactly one of: the queue, {@code held}, gone.
 * </ul>
 *
 * <p>One lock guards everything. No code of a user runs under it, and nobody waits while holding
 * it: the critical sections are a few assignments long.
 */
final class Admission {
  /** How the body of a task has ended. */
  enum Ending {
    COMPLETED,
    FAILED,
    CANCELLED
  }

  private enum Stage {
    OPEN,
    SHUTDOWN,
    STOPPING,
    TERMINATED
  }

  private final String name;
  private final int maxQueued;
  private final WhenFull whenFull;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  private final Condition terminated = lock.newCondition();
  private final TaskQueue queue = new TaskQueue();
  private final TaskQueue held = new TaskQueue();
  private int maxWorkers;

  /** Places whose task has ended and whose dependents are running. */
  private int finishing;

  /** Places whose task waits for a permit of the pool's limiter. */
  private int admitted;

  private volatile Stage stage = Stage.OPEN;
  private long submitted;
  private long completed;
  private long failed;
  private long cancelled;
  private long rejected;

  Admission(String name, int maxWorkers, int maxQueued, WhenFull whenFull) {
    this.name = name;
    this.maxWorkers = maxWorkers;
    this.maxQueued = maxQueued;
    this.whenFull = whenFull;
  }

  /**
   * What became of a newcomer.
   *
   * @param start whether it has a place and must be started
   * @param dropped the queued task that had to go for it
   */
  record Answer(boolean start, @Nullable PooledTask<?> dropped) {
    static final Answer START = new Answer(true, null);
    static final Answer QUEUED = new Answer(false, null);
  }

  /**
   * Gives a newcomer a place or a seat in the queue.
   *
   * @throws RejectedExecutionException if the pool is shut down, or full and told to refuse
   */
  Answer offer(PooledTask<?> task, boolean needsPermit) {
    lock.lock();
    try {
      PooledTask<?> dropped = null;
      if (stage != Stage.OPEN) {
        throw refuseClosed();
      }
      if (isFull()) {
        switch (whenFull) {
          case REJECT -> {
            rejected++;
            throw full();
          }
          case BLOCK -> awaitRoom();
          case DROP_OLDEST -> {
            dropped = queue.poll();
            rejected++;
            if (dropped == null) {
              throw full(); // there is no queue: maxQueued=0
            }
            dropped.phase = PooledTask.Phase.GONE;
          }
        }
      }
      task.number = ++submitted;
      if (held.size() < maxWorkers) {
        hold(task, needsPermit);
        return Answer.START;
      }
      task.phase = PooledTask.Phase.QUEUED;
      queue.add(task);
      return dropped == null ? Answer.QUEUED : new Answer(false, dropped);
    } finally {
      lock.unlock();
    }
  }

  /** A finishing place counts as free: its task is about to make room for one from the queue. */
  private boolean isFull() {
    return queue.size() + held.size() - finishing >= (long) maxQueued + maxWorkers;
  }

  private void awaitRoom() {
    try {
      while (isFull() && stage == Stage.OPEN) {
        room.await();
      }
    } catch (InterruptedException interrupted) {
      rejected++;
      Thread.currentThread().interrupt();
      var refusal =
          new RejectedExecutionException(
              "interrupted while waiting for room in the queue: " + numbers());
      refusal.initCause(interrupted);
      throw refusal;
    }
    if (stage != Stage.OPEN) {
      throw refuseClosed();
    }
  }

  private void hold(PooledTask<?> task, boolean needsPermit) {
    task.phase = needsPermit ? PooledTask.Phase.ADMITTED : PooledTask.Phase.RUNNING;
    if (needsPermit) {
      admitted++;
    }
    held.add(task);
  }

  /** Tells that a task with a place has its permit; false if it was withdrawn meanwhile. */
  boolean begin(PooledTask<?> task) {
    lock.lock();
    try {
      if (task.phase != PooledTask.Phase.ADMITTED) {
        return false;
      }
      task.phase = PooledTask.Phase.RUNNING;
      admitted--;
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Tells that the body of a task has ended; its place stays in use until {@link #giveBack}. */
  void bodyEnded(Ending ending) {
    lock.lock();
    try {
      finishing++;
      switch (ending) {
        case COMPLETED -> completed++;
        case FAILED -> failed++;
        case CANCELLED -> cancelled++;
      }
      if (whenFull == WhenFull.BLOCK) {
        room.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives the place of a task back after its {@link #bodyEnded}.
   *
   * @return the task that has the place now and must be started by the caller
   */
  @Nullable PooledTask<?> giveBack(PooledTask<?> task, boolean needsPermit) {
    lock.lock();
    try {
      finishing--;
      return vacate(task, needsPermit);
    } finally {
      lock.unlock();
    }
  }

  private @Nullable PooledTask<?> vacate(PooledTask<?> task, boolean needsPermit) {
    if (task.phase == PooledTask.Phase.ADMITTED) {
      admitted--;
    }
    task.phase = PooledTask.Phase.GONE;
    held.remove(task);
    PooledTask<?> next = held.size() < maxWorkers ? queue.poll() : null;
    if (next != null) {
      hold(next, needsPermit);
    } else {
      terminateIfIdle();
    }
    return next;
  }

  /**
   * What became of an attempt to withdraw a task.
   *
   * @param withdrawn whether it had not started and never will
   * @param next the task that has its place now and must be started by the caller
   */
  record Withdrawal(boolean withdrawn, @Nullable PooledTask<?> next) {
    static final Withdrawal TOO_LATE = new Withdrawal(false, null);
    static final Withdrawal FROM_QUEUE = new Withdrawal(true, null);
  }

  /** Takes a task that has not started out of the queue, or from its wait for a permit. */
  Withdrawal withdraw(PooledTask<?> task, boolean needsPermit) {
    lock.lock();
    try {
      return switch (task.phase) {
        case QUEUED -> {
          queue.remove(task);
          task.phase = PooledTask.Phase.GONE;
          cancelled++;
          room.signal();
          terminateIfIdle();
          yield Withdrawal.FROM_QUEUE;
        }
        case ADMITTED -> {
          cancelled++;
          room.signal();
          yield new Withdrawal(true, vacate(task, needsPermit));
        }
        default -> Withdrawal.TOO_LATE;
      };
    } finally {
      lock.unlock();
    }
  }

  /** Changes the number of places; returns the tasks that got one and must be started. */
  List<PooledTask<?>> resize(int newMaxWorkers, boolean needsPermit) {
    List<PooledTask<?>> starts = new ArrayList<>();
    lock.lock();
    try {
      maxWorkers = newMaxWorkers;
      while (held.size() < maxWorkers) {
        PooledTask<?> next = queue.poll();
        if (next == null) {
          break;
        }
        hold(next, needsPermit);
        starts.add(next);
      }
      room.signalAll();
      return starts;
    } finally {
      lock.unlock();
    }
  }

  void shutdown() {
    lock.lock();
    try {
      if (stage == Stage.OPEN) {
        stage = Stage.SHUTDOWN;
        room.signalAll();
        terminateIfIdle();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * The tasks of a pool at the moment of {@link #stop}.
   *
   * @param neverStarted tasks that were taken out of the queue or from their wait for a permit
   * @param running tasks that hold a place
   */
  record Stopped(List<PooledTask<?>> neverStarted, List<PooledTask<?>> running) {}

  /** Shuts down and empties the queue. */
  Stopped stop() {
    lock.lock();
    try {
      if (stage.compareTo(Stage.STOPPING) < 0) {
        stage = Stage.STOPPING;
      }
      List<PooledTask<?>> neverStarted = new ArrayList<>();
      List<PooledTask<?>> running = new ArrayList<>();
      for (PooledTask<?> task : held.toList()) {
        if (task.phase == PooledTask.Phase.ADMITTED) {
          admitted--;
          held.remove(task);
          neverStarted.add(task);
        } else {
          running.add(task);
        }
      }
      for (PooledTask<?> task = queue.poll(); task != null; task = queue.poll()) {
        neverStarted.add(task);
      }
      neverStarted.forEach(task -> task.phase = PooledTask.Phase.GONE);
      cancelled += neverStarted.size();
      room.signalAll();
      terminateIfIdle();
      return new Stopped(neverStarted, running);
    } finally {
      lock.unlock();
    }
  }

  private void terminateIfIdle() {
    if (stage != Stage.OPEN && stage != Stage.TERMINATED && held.size() + queue.size() == 0) {
      stage = Stage.TERMINATED;
      terminated.signalAll();
    }
  }

  /** Waits until the pool is shut down and no task is left; false when the time was up. */
  boolean awaitTermination(long nanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = nanos;
      while (stage != Stage.TERMINATED) {
        if (left <= 0) {
          return false;
        }
        left = terminated.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  boolean isShutdown() {
    return stage != Stage.OPEN;
  }

  boolean isTerminated() {
    return stage == Stage.TERMINATED;
  }

  int maxWorkers() {
    lock.lock();
    try {
      return maxWorkers;
    } finally {
      lock.unlock();
    }
  }

  boolean isHeldBy(Thread thread) {
    lock.lock();
    try {
      return held.toList().stream().anyMatch(task -> task.isRunBy(thread));
    } finally {
      lock.unlock();
    }
  }

  PoolStats stats() {
    lock.lock();
    try {
      return new PoolStats(
          name,
          maxWorkers,
          held.size() - finishing - admitted,
          queue.size() + admitted,
          submitted,
          completed,
          failed,
          cancelled,
          rejected);
    } finally {
      lock.unlock();
    }
  }

  private RejectedExecutionException refuseClosed() {
    rejected++;
    return new RejectedExecutionException("the pool has been shut down: " + numbers());
  }

  private PoolFullException full() {
    return new PoolFullException("the pool's queue is full: " + numbers());
  }

  PoolFullException droppedForNewcomer() {
    lock.lock();
    try {
      return new PoolFullException(
          "the oldest queued task was dropped for a newcomer: " + numbers());
    } finally {
      lock.unlock();
    }
  }

  private String numbers() {
    return "pool="
        + name
        + ", running="
        + (held.size() - finishing - admitted)
        + ", maxWorkers="
        + maxWorkers
        + ", queued="
        + (queue.size() + admitted)
        + ", maxQueued="
        + (maxQueued == Integer.MAX_VALUE ? "unlimited" : maxQueued);
  }
}
