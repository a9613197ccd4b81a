package dev.bouncer;

import java.util.ArrayDeque;
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
 * until the task has ended <i>and</i> what depends on its future has run.
 *
 * <pre>
 * offer ──► queue ──► held: [ unasked ──► waits for its permit ──► ] ready ──► runs ──► ended
 *                           only in a pool with a limiter
 * </pre>
 *
 * <p>A task that is <i>ready</i> needs a thread. It gets one that has just ended another task, or a
 * new one. Only one thread is being started at a time; it starts the next, if there is still
 * something ready, before it runs its own task. So long tasks get their threads in a quick chain,
 * while tasks that end sooner than a thread starts share a few.
 *
 * <p>Invariants, whenever the lock is free:
 *
 * <ul>
 *   <li>{@code held.size()} is at most {@code maxWorkers}, unless that was lowered meanwhile.
 *   <li>If the queue is not empty, all places are in use.
 *   <li>If something is ready, a thread is being started.
 *   <li>Every task is in exactly one of: the queue, {@code held}, gone. Those in {@code unasked} or
 *       {@code ready} are held as well.
 * </ul>
 *
 * <p>One lock guards everything. No code of a user runs under it, and nobody waits while holding
 * it: the critical sections are a few assignments long.
 */
final class Admission {
  private enum Stage {
    OPEN,
    SHUTDOWN,
    STOPPING,
    TERMINATED
  }

  /** How often a thread looks at a lock that is taken before it parks; about a microsecond. */
  private static final int LOOKS = Runtime.getRuntime().availableProcessors() > 1 ? 100 : 0;

  private final String name;
  private final int maxQueued;
  private final WhenFull whenFull;
  private final boolean needsPermits;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  private final Condition terminated = lock.newCondition();
  private final TaskQueue queue = new TaskQueue();
  private final TaskQueue held = new TaskQueue();
  private int maxWorkers;

  private final ArrayDeque<PooledTask<?>> unasked = new ArrayDeque<>();
  private final ArrayDeque<PooledTask<?>> ready = new ArrayDeque<>();
  private boolean threadStarting;

  /** Places whose task waits for a permit of the pool's limiter. */
  private int admitted;

  private volatile Stage stage = Stage.OPEN;
  private long submitted;
  private long completed;
  private long failed;
  private long cancelled;
  private long rejected;

  Admission(String name, int maxWorkers, int maxQueued, WhenFull whenFull, boolean needsPermits) {
    this.needsPermits = needsPermits;
    this.name = name;
    this.maxWorkers = maxWorkers;
    this.maxQueued = maxQueued;
    this.whenFull = whenFull;
  }

  /**
   * What became of a newcomer.
   *
   * @param startThread whether the caller must start a thread
   * @param dropped the queued task that had to go for the newcomer
   */
  record Answer(boolean startThread, @Nullable PooledTask<?> dropped) {
    static final Answer START_THREAD = new Answer(true, null);
    static final Answer WAIT = new Answer(false, null);
  }

  /**
   * Gives a newcomer a place or a seat in the queue.
   *
   * @throws RejectedExecutionException if the pool is shut down, or full and told to refuse
   */
  Answer offer(PooledTask<?> task) {
    enter();
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
        return hold(task) ? Answer.START_THREAD : Answer.WAIT;
      }
      task.phase = PooledTask.Phase.QUEUED;
      queue.add(task);
      return dropped == null ? Answer.WAIT : new Answer(false, dropped);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes the lock. It is held for less time than a thread needs to park and to be woken, so
   * whoever finds it taken looks again for a moment first; one processor alone would look in vain.
   */
  private void enter() {
    for (int look = 0; look < LOOKS; look++) {
      if (lock.tryLock()) {
        return;
      }
      Thread.onSpinWait();
    }
    lock.lock();
  }

  /** The place of a task that has ended counts as free: it is about to take one from the queue. */
  private boolean isFull() {
    long room = (long) maxQueued + maxWorkers - queue.size() - held.size();
    return room <= 0 && room + held.count(PooledTask::hasEnded) <= 0;
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

  /** Gives a task a place; true if the caller must start a thread. */
  private boolean hold(PooledTask<?> task) {
    held.add(task);
    if (needsPermits) {
      task.phase = PooledTask.Phase.ADMITTED;
      admitted++;
      unasked.add(task);
      return false;
    }
    return makeReady(task);
  }

  private boolean makeReady(PooledTask<?> task) {
    task.phase = PooledTask.Phase.RUNNING;
    ready.add(task);
    boolean first = !threadStarting;
    threadStarting = true;
    return first;
  }

  /** Takes a task with a place for which a permit must be asked for; null if there is none. */
  @Nullable PooledTask<?> pollUnasked() {
    enter();
    try {
      return unasked.poll();
    } finally {
      lock.unlock();
    }
  }

  /** What became of a permit that was granted. */
  enum Grant {
    /** The task was withdrawn, or queued again: the permit is not needed. */
    NOT_NEEDED,
    READY,
    /** The task is ready and the caller must start a thread. */
    START_THREAD
  }

  /** A task with a place has got its permit. */
  Grant granted(PooledTask<?> task, Permit permit) {
    enter();
    try {
      if (task.phase != PooledTask.Phase.ADMITTED) {
        return Grant.NOT_NEEDED;
      }
      admitted--;
      if (held.size() > maxWorkers) {
        queueAgain(task); // the pool has shrunk while the task waited
        return Grant.NOT_NEEDED;
      }
      task.permit = permit;
      return makeReady(task) ? Grant.START_THREAD : Grant.READY;
    } finally {
      lock.unlock();
    }
  }

  /** A task with a place gets no permit; false if it was withdrawn meanwhile. */
  boolean refused(PooledTask<?> task) {
    enter();
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

  /**
   * What a thread that was started finds.
   *
   * @param task its first task; null if others have taken them all
   * @param startAnother whether it must start another thread before it runs the task
   */
  record First(@Nullable PooledTask<?> task, boolean startAnother) {}

  /** A thread has started, or could not be started: takes the task that has waited longest. */
  First threadStarted() {
    enter();
    try {
      PooledTask<?> task = ready.poll();
      threadStarting = !ready.isEmpty();
      return new First(task, threadStarting);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes back the place of a task that has ended, its dependents included, on the thread that ran
   * it.
   *
   * @return the task that this thread has to run next; null if there is none
   */
  @Nullable PooledTask<?> ended(PooledTask<?> task) {
    enter();
    try {
      boolean startThread = giveBack(task);
      PooledTask<?> next = ready.poll();
      if (startThread) {
        // The one task that became ready just now is the one that was taken.
        threadStarting = false;
      }
      return next;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes back the place of a task that could not be run.
   *
   * @return whether the caller must start a thread
   */
  boolean failed(PooledTask<?> task) {
    enter();
    try {
      return giveBack(task);
    } finally {
      lock.unlock();
    }
  }

  private boolean giveBack(PooledTask<?> task) {
    count(task.ending());
    return vacate(task);
  }

  private boolean vacate(PooledTask<?> task) {
    task.phase = PooledTask.Phase.GONE;
    held.remove(task);
    boolean startThread = fillPlaces();
    terminateIfIdle();
    return startThread;
  }

  /** Gives free places to queued tasks; true if the caller must start a thread. */
  private boolean fillPlaces() {
    boolean startThread = false;
    while (held.size() < maxWorkers) {
      PooledTask<?> next = queue.poll();
      if (next == null) {
        break;
      }
      startThread |= hold(next);
    }
    return startThread;
  }

  private void count(PooledTask.Ending ending) {
    switch (ending) {
      case COMPLETED -> completed++;
      case FAILED -> failed++;
      case CANCELLED -> cancelled++;
    }
    if (whenFull == WhenFull.BLOCK) {
      room.signal();
    }
  }

  /** What became of an attempt to withdraw a task. */
  enum Withdrawal {
    TOO_LATE,
    WITHDRAWN,
    /** It is withdrawn, and its place went to another task: the caller must start a thread. */
    START_THREAD
  }

  /** Takes a task that has not started out of the queue, or from its wait for a permit. */
  Withdrawal withdraw(PooledTask<?> task) {
    enter();
    try {
      boolean startThread = false;
      switch (task.phase) {
        case QUEUED -> {
          queue.remove(task);
          task.phase = PooledTask.Phase.GONE;
          terminateIfIdle();
        }
        case ADMITTED -> {
          admitted--;
          unasked.remove(task);
          startThread = vacate(task);
        }
        default -> {
          return Withdrawal.TOO_LATE;
        }
      }
      count(PooledTask.Ending.CANCELLED);
      return startThread ? Withdrawal.START_THREAD : Withdrawal.WITHDRAWN;
    } finally {
      lock.unlock();
    }
  }

  /**
   * What a new number of places calls for.
   *
   * @param startThread whether the caller must start a thread
   * @param permits permits that tasks have no use for now and the caller must give back
   */
  record Resized(boolean startThread, List<Permit> permits) {}

  /** Changes the number of places. Tasks that have one but no thread yet may lose it again. */
  Resized resize(int newMaxWorkers) {
    List<Permit> permits = new ArrayList<>();
    enter();
    try {
      maxWorkers = newMaxWorkers;
      while (held.size() > maxWorkers && !ready.isEmpty()) {
        PooledTask<?> task = ready.removeLast();
        if (task.permit != null) {
          permits.add(task.permit);
          task.permit = null;
        }
        queueAgain(task);
      }
      room.signalAll();
      return new Resized(fillPlaces(), permits);
    } finally {
      lock.unlock();
    }
  }

  private void queueAgain(PooledTask<?> task) {
    held.remove(task);
    task.phase = PooledTask.Phase.QUEUED;
    queue.addFirst(task);
  }

  void shutdown() {
    enter();
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
    enter();
    try {
      if (stage.compareTo(Stage.STOPPING) < 0) {
        stage = Stage.STOPPING;
      }
      List<PooledTask<?>> neverStarted = new ArrayList<>();
      List<PooledTask<?>> running = new ArrayList<>();
      unasked.clear();
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
    enter();
    try {
      return maxWorkers;
    } finally {
      lock.unlock();
    }
  }

  boolean isHeldBy(Thread thread) {
    enter();
    try {
      return held.toList().stream().anyMatch(task -> task.isRunBy(thread));
    } finally {
      lock.unlock();
    }
  }

  PoolStats stats() {
    enter();
    try {
      // A task that has ended but still holds its place is counted by its end already.
      return new PoolStats(
          name,
          maxWorkers,
          running(),
          queued(),
          submitted,
          completed + endedAs(PooledTask.Ending.COMPLETED),
          failed + endedAs(PooledTask.Ending.FAILED),
          cancelled + endedAs(PooledTask.Ending.CANCELLED),
          rejected);
    } finally {
      lock.unlock();
    }
  }

  private int endedAs(PooledTask.Ending ending) {
    return held.count(task -> task.hasEnded() && task.ending() == ending);
  }

  private int running() {
    return held.size() - held.count(PooledTask::hasEnded) - admitted;
  }

  private int queued() {
    return queue.size() + admitted;
  }

  private RejectedExecutionException refuseClosed() {
    rejected++;
    return new RejectedExecutionException("the pool has been shut down: " + numbers());
  }

  private PoolFullException full() {
    return new PoolFullException("the pool's queue is full: " + numbers());
  }

  PoolFullException droppedForNewcomer() {
    enter();
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
        + running()
        + ", maxWorkers="
        + maxWorkers
        + ", queued="
        + queued()
        + ", maxQueued="
        + (maxQueued == Integer.MAX_VALUE ? "unlimited" : maxQueued);
  }
}
