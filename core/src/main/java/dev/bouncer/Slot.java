package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The place of one input in the line of a {@link MappingRun}.
 *
 * <pre>
 * OPEN ──► FED ──► SETTLING ──► DONE        settled when the task has ended
 *   │                  └──► LATE ──► DONE   settled by its timeout, ended later
 *   └──► END                                there is no such input: the source has ended
 * </pre>
 *
 * Whoever moves it from FED to SETTLING writes the outcome; writing LATE, DONE or END publishes it.
 */
final class Slot<T extends @Nullable Object, R extends @Nullable Object>
    implements BiConsumer<R, @Nullable Throwable> {
  private static final int OPEN = 0;
  private static final int FED = 1;
  private static final int SETTLING = 2;
  private static final int LATE = 3;
  private static final int DONE = 4;
  private static final int END = 5;

  private static final VarHandle STATE;
  private static final VarHandle PENDING;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(Slot.class, "state", int.class);
      PENDING = MethodHandles.lookup().findVarHandle(Slot.class, "pending", Future.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final MappingRun<T, R, ?> run;
  private volatile int state = OPEN;

  /** Written by the feeder, when the slot is fed. */
  long index;

  private @Nullable T input;

  // The outcome; see above.
  private @Nullable R value;
  private @Nullable Throwable failure;

  /** The slot of the next input; written before this one is fed, and read after. */
  @Nullable Slot<T, R> next;

  /** What the slot waits for: its permit, then its task. */
  private volatile @Nullable Future<?> pending;

  private volatile @Nullable Permit permit;

  /** The thread that hands the slot to the pool, if that is not the feeder's. */
  private volatile @Nullable Thread submitter;

  /** Whether the pool has the slot's task; published by {@link #pending}. */
  private boolean submitted;

  Slot(MappingRun<T, R, ?> run) {
    this.run = run;
  }

  // By the feeder.

  void feed(T newInput, long newIndex) {
    input = newInput;
    index = newIndex;
    next = new Slot<>(run);
    state = FED;
  }

  void end(@Nullable Throwable sourceFailure) {
    failure = sourceFailure;
    state = END;
  }

  void holds(Permit newPermit) {
    permit = newPermit;
  }

  void submittedBy(Thread thread) {
    submitter = thread;
  }

  /** Follows the task's future until the task has ended. */
  void follow(CompletableFuture<R> future) {
    if (submitter != null) {
      submitter = null;
    }
    submitted = true;
    awaits(future);
    if (future instanceof TaskFuture<R> task) {
      task.onEnd(this);
    } else {
      var _ = future.whenComplete(this);
    }
  }

  /** From here {@link #stop} stops this; if it was called before, does it now. */
  void awaits(Future<?> next) {
    pending = next;
    if (run.isStopping()) {
      stop();
    }
  }

  // By whoever settles it.

  /** The task has ended. */
  @Override
  public void accept(R result, @Nullable Throwable thrown) {
    ended(
        result,
        thrown instanceof CompletionException && thrown.getCause() != null
            ? thrown.getCause()
            : thrown);
  }

  /** The task has ended, or will never run. */
  void ended(@Nullable R result, @Nullable Throwable thrown) {
    Permit held = permit;
    if (held != null) {
      held.close(thrown == null ? Outcome.SUCCESS : Outcome.IGNORED);
    }
    PENDING.setRelease(this, null);
    if (!run.hasDeadlines() || STATE.compareAndSet(this, FED, SETTLING)) {
      value = result;
      failure = thrown;
      run.settling(this, thrown);
      state = DONE;
      run.settled(this);
    } else {
      while (state != LATE) {
        Thread.onSpinWait();
      }
      run.failing(this, thrown);
      state = DONE;
    }
    run.ended(this);
  }

  /** The task's time is up; it may be running still. */
  void timedOut(Throwable timeout) {
    if (STATE.compareAndSet(this, FED, SETTLING)) {
      failure = timeout;
      run.settling(this, timeout);
      state = LATE;
      run.settled(this);
      stop();
    }
  }

  /** Withdraws the request for a permit, or stops the task. */
  void stop() {
    Future<?> waitsFor = pending;
    if (waitsFor instanceof TaskFuture<?> task) {
      task.stop();
    } else if (waitsFor != null) {
      boolean _ = waitsFor.cancel(true);
    }
    Thread mayWaitForRoom = submitter;
    if (mayWaitForRoom != null) {
      mayWaitForRoom.interrupt();
    }
  }

  // By the reader.

  boolean isSettled() {
    return state >= LATE;
  }

  boolean isFed() {
    int now = state;
    return now != OPEN && now != END;
  }

  boolean isEnd() {
    return state == END;
  }

  /** Whether the slot's task may be running, now or later. */
  boolean isUnended() {
    int now = state;
    return now == FED || now == SETTLING || now == LATE;
  }

  boolean isSubmitted() {
    return pending != null && submitted && isUnended();
  }

  boolean isRunning() {
    return isUnended() && pending instanceof TaskFuture<?> task && task.isStarted();
  }

  @Nullable Throwable failure() {
    return failure;
  }

  @SuppressWarnings("NullAway") // the task's own result, of its own type
  R value() {
    return value;
  }

  @SuppressWarnings("NullAway") // the source's own input, of its own type
  T input() {
    return input;
  }

  Result<T, R> result() {
    return failure == null
        ? new Result.Success<>(input(), value())
        : new Result.Failure<>(input(), failure);
  }
}
