package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.Spliterator;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One stream of a {@link Mapping}, seen from its reader.
 *
 * <pre>
 * source ──► Feeder ──► Slot ──► pool        a thread of its own reads the inputs
 *                        │
 *            ResultLine ◄──────┘ settled           in input order, or as they finish
 *              │
 *              └──► reader                   the thread that reads the stream
 * </pre>
 *
 * <p>The run ends in one of three ways, decided once by whoever sets {@code end}: the last result
 * was read; something failed; the reader was interrupted or the stream closed. In the last two the
 * feeder is interrupted, every slot is stopped, and the reader waits until all tasks have ended.
 */
final class MappingRun<
        T extends @Nullable Object, R extends @Nullable Object, E extends @Nullable Object>
    implements Spliterator<E> {
  private static final VarHandle WAITING;
  private static final VarHandle STOPPED;

  static {
    try {
      var lookup = MethodHandles.lookup();
      WAITING = lookup.findVarHandle(MappingRun.class, "waiting", Thread.class);
      STOPPED = lookup.findVarHandle(MappingRun.class, "stopped", Stop.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  /** So many results at a time make a reader wait for a batch, and no longer than this for it. */
  private static final int MANY = 8;

  private static final long BATCH_NANOS = 50_000;

  /** Why the run was stopped. */
  private sealed interface Stop {
    record Closed() implements Stop {}

    record Interrupted() implements Stop {}

    /** {@code others} is guarded by itself. */
    record Failed(String message, Throwable cause, List<Throwable> others) implements Stop {}
  }

  private final boolean failFast;
  private final boolean ordered;
  private final Function<Slot<T, R>, E> toElement;
  private final ResultLine<T, R> line;
  private final Feeder<T, R> feeder;
  private final Submitter<T, R> submitter;
  private final @Nullable Deadlines deadlines;
  private final @Nullable ProgressReports progress;

  /** Slots that were read as timed out while their task was running still. */
  private final Set<Slot<T, R>> overtime = ConcurrentHashMap.newKeySet();

  private volatile @Nullable Stop stopped;

  /** The reader, while it is about to park. */
  private volatile @Nullable Thread waiting;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ended = lock.newCondition();

  /** How many results the reader has taken; written by the reader only. */
  private volatile long taken;

  // The reader's own.
  private boolean begun;
  private long takenByReader;
  private long takenBeforeWait;

  /** Which inputs' results the reader wants to be woken for; written before {@link #waiting}. */
  private long wakeFrom;

  private long wakeTo;
  private boolean finished;

  MappingRun(
      PoolMapping<T, R> mapping,
      Iterable<? extends T> inputs,
      boolean failFast,
      Function<Slot<T, R>, E> toElement) {
    this.failFast = failFast;
    this.ordered = mapping.ordered();
    this.toElement = toElement;
    line = ordered ? new ResultLine.InputOrder<>(this) : new ResultLine.FinishOrder<>(this);
    deadlines = mapping.perTask() == null ? null : new Deadlines(mapping.perTask(), Timing.SYSTEM);
    submitter = new Submitter<>(this, mapping, deadlines);
    feeder = new Feeder<>(this, mapping, line, inputs, submitter);
    progress =
        mapping.listener() == null
            ? null
            : new ProgressReports(
                mapping.listener(),
                inputs,
                Timing.SYSTEM,
                () -> line.countUnended(Slot::isRunning));
  }

  // The reader.

  @Override
  public boolean tryAdvance(Consumer<? super E> action) {
    if (finished) {
      return false;
    }
    if (!begun) {
      begun = true;
      if (progress != null) {
        progress.begin();
      }
      feeder.begin();
    }
    Slot<T, R> slot = next();
    if (slot == null) {
      return false;
    }
    action.accept(toElement.apply(slot));
    return true;
  }

  /** Like {@link #tryAdvance}, but does not wait; false also when nothing is ready. */
  boolean advanceIfReady(Consumer<? super E> action) {
    return (line.hasNext() || stopped != null) && tryAdvance(action);
  }

  @Override
  public void forEachRemaining(Consumer<? super E> action) {
    while (tryAdvance(action)) {}
  }

  /** Waits for the next result; null at the end. */
  private @Nullable Slot<T, R> next() {
    while (true) {
      if (Thread.interrupted()) {
        stop(new Stop.Interrupted());
        Thread.currentThread().interrupt();
      }
      Stop stop = stopped;
      if (stop != null && !(stop instanceof Stop.Failed)) {
        throw finish(stop);
      }
      Slot<T, R> slot = line.poll();
      if (slot != null && slot.isEnd()) {
        if (stopped != null) {
          throw finish(stopped);
        }
        finish();
        if (slot.failure() != null) {
          throw sourceFailed(slot.failure());
        }
        return null;
      }
      if (slot != null) {
        take(slot);
        if (!failFast || slot.failure() == null) {
          return slot;
        }
        // Failed or cancelled: the run is stopped. What finished out of order is still delivered.
        if (ordered) {
          throw finish(Objects.requireNonNull(stopped));
        }
      } else if (stop != null) {
        throw finish(stop);
      } else {
        await();
      }
    }
  }

  private void take(Slot<T, R> slot) {
    if (slot.isUnended()) {
      overtime.add(slot);
      if (!slot.isUnended()) {
        overtime.remove(slot);
      }
    }
    taken = ++takenByReader;
    feeder.roomMade();
  }

  /**
   * Waits for a result. A reader that has just found many at a time does not want to be woken for
   * each: it waits for a batch of them, though never for long.
   */
  private void await() {
    boolean batch = takenByReader - takenBeforeWait >= MANY && feeder.buffer() > MANY;
    takenBeforeWait = takenByReader;
    if (batch) {
      wakeFrom = takenByReader + feeder.buffer() / 2;
      wakeTo = Long.MAX_VALUE;
    } else {
      wakeFrom = ordered ? takenByReader : 0;
      wakeTo = ordered ? takenByReader : Long.MAX_VALUE;
    }
    waiting = Thread.currentThread();
    if (!line.hasNext() && stopped == null) {
      if (batch) {
        LockSupport.parkNanos(this, BATCH_NANOS);
      } else {
        LockSupport.park(this);
      }
    }
    waiting = null;
  }

  private void wakeFor(Slot<T, R> slot) {
    if (waiting != null && wakeFrom <= slot.index && slot.index <= wakeTo) {
      wake();
    }
  }

  private void wake() {
    Thread reader = waiting;
    if (reader != null && WAITING.compareAndSet(this, reader, null)) {
      LockSupport.unpark(reader);
    }
  }

  /** Waits until no task is running, and forgets the run. */
  private void finish() {
    awaitEnd();
    finished = true;
    if (progress != null) {
      progress.finish();
    }
  }

  private RuntimeException finish(Stop stop) {
    finish();
    return switch (stop) {
      case Stop.Closed _ -> new CancellationException("the stream of results was closed");
      case Stop.Interrupted _ ->
          new CompletionException(
              "interrupted while waiting for a result",
              new InterruptedException("interrupted while waiting for a result"));
      case Stop.Failed failed -> {
        var failure = new CompletionException(failed.message, failed.cause);
        synchronized (failed.others) {
          failed.others.forEach(failure::addSuppressed);
        }
        yield failure;
      }
    };
  }

  /** Stops the run, from any thread, and waits until none of its tasks is running. */
  void close() {
    stop(new Stop.Closed());
    awaitEnd();
  }

  /** Waits without regard to interrupts, and leaves the interrupt status as it was. */
  private void awaitEnd() {
    lock.lock();
    try {
      while (line.countUnended(slot -> true) > 0 || !overtime.isEmpty()) {
        ended.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  // The end, from any thread.

  boolean isStopping() {
    return stopped != null;
  }

  private boolean stop(Stop why) {
    if (!STOPPED.compareAndSet(this, null, why)) {
      return false;
    }
    feeder.stop();
    // First what waits, so that nothing takes the place of what is interrupted then.
    line.forEachUnended(slot -> {
      if (!slot.isRunning()) {
        slot.stop();
      }
    });
    line.forEachUnended(Slot::stop);
    overtime.forEach(Slot::stop);
    wake();
    return true;
  }

  void sourceFailed(Throwable thrown, long index) {
    if (failFast) {
      boolean _ = stop(new Stop.Failed(sourceMessage(index), thrown, new ArrayList<>()));
    }
  }

  private static CompletionException sourceFailed(Throwable thrown) {
    return new CompletionException("the source of the inputs failed", thrown);
  }

  private static String sourceMessage(long index) {
    return "the source of the inputs failed: inputs read=" + index;
  }

  // The slots.

  boolean hasDeadlines() {
    return deadlines != null;
  }

  long taken() {
    return taken;
  }

  int overtime() {
    return overtime.size();
  }

  /** A slot is about to be settled: nobody has seen its outcome yet. */
  void settling(Slot<T, R> slot, @Nullable Throwable failure) {
    if (progress != null) {
      progress.ended(failure != null);
    }
    failing(slot, failure);
  }

  /** A slot has failed, perhaps once more after its timeout. */
  void failing(Slot<T, R> slot, @Nullable Throwable failure) {
    if (failure != null && failFast) {
      var stop =
          new Stop.Failed("a task failed: input index=" + slot.index, failure, new ArrayList<>());
      if (!stop(stop)
          && stopped instanceof Stop.Failed first
          && failure != first.cause
          && !(failure instanceof InterruptedException)
          && !(failure instanceof CancellationException)) {
        synchronized (first.others) {
          first.others.add(failure);
        }
      }
    }
  }

  void settled(Slot<T, R> slot) {
    line.settled(slot);
    wakeFor(slot);
  }

  void ended(Slot<T, R> slot) {
    if (deadlines != null) {
      deadlines.ended(slot);
    }
    feeder.taskEnded();
    submitter.taskEnded();
    if (line.ended(slot)) {
      wake();
    }
    if (!overtime.isEmpty() && overtime.remove(slot)) {
      feeder.roomMade();
    }
    if (stopped != null || feeder.isExhausted()) {
      signalEnded();
    }
  }

  boolean hasSubmitted() {
    return line.countUnended(Slot::isSubmitted) > 0;
  }

  /** The source has ended. */
  void exhausted() {
    wake();
  }

  private void signalEnded() {
    lock.lock();
    try {
      ended.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // What a spliterator must be.

  @Override
  public @Nullable Spliterator<E> trySplit() {
    return null;
  }

  @Override
  public long estimateSize() {
    return Long.MAX_VALUE;
  }

  @Override
  public int characteristics() {
    return ordered ? ORDERED : 0;
  }
}
