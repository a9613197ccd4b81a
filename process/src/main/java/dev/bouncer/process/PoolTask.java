package dev.bouncer.process;

import dev.bouncer.TaskFuture;
import dev.bouncer.process.wire.BriefSpin;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One submitted task: what to send, and the future that its user holds.
 *
 * <p>Its life, guarded by the lock of the books:
 *
 * <pre>
 *            assign              STARTED             answer
 *   QUEUED ----------> ASSIGNED ---------> RUNNING ---------> ENDED
 *     |  ^                 |                  |                 ^
 *     |  '-- worker died --'                  '-- worker died --|
 *     '------------- cancelled, pool stopped -------------------'
 * </pre>
 *
 * <p>The future may be completed long before the task has ended: by a cancel, a timeout, or by the
 * user. The worker's place is given back when the task has ended.
 */
final class PoolTask<R extends @Nullable Object> extends TaskFuture<R> implements Runnable {
  enum State {
    QUEUED,
    ASSIGNED,
    RUNNING,
    ENDED
  }

  private static final VarHandle BLOCKED;

  static {
    try {
      BLOCKED = MethodHandles.lookup().findVarHandle(PoolTask.class, "blocked", int.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  private final Dispatcher dispatcher;
  final EncodedFunction function;
  final boolean hasInput;

  /** The input itself if it cannot change, else its encoding; forgotten when the task has ended. */
  @Nullable Object input;

  final boolean inputIsEncoded;

  /** What the user handed in, if it was a runnable. */
  record Preset(Runnable runnable, @Nullable Object result) {}

  final @Nullable Preset preset;

  /** How many threads wait in {@code get} or {@code join}. */
  private volatile int blocked;

  // guarded by the lock of the books
  State state = State.QUEUED;
  long id;
  long plannedNanos;
  boolean interrupted;
  @Nullable Worker worker;
  @Nullable PoolTask<?> previous;
  @Nullable PoolTask<?> next;

  PoolTask(
      Dispatcher dispatcher,
      EncodedFunction function,
      boolean hasInput,
      @Nullable Object input,
      boolean inputIsEncoded) {
    this.dispatcher = dispatcher;
    this.function = function;
    this.hasInput = hasInput;
    this.input = input;
    this.inputIsEncoded = inputIsEncoded;
    this.preset = null;
  }

  PoolTask(Dispatcher dispatcher, EncodedFunction function, Preset preset) {
    this.dispatcher = dispatcher;
    this.function = function;
    this.hasInput = false;
    this.input = null;
    this.inputIsEncoded = false;
    this.preset = preset;
  }

  // ---- what the pool does

  @SuppressWarnings({"unchecked", "NullAway"}) // the task's own result, of its own type
  boolean returned(@Nullable Object result) {
    return succeed((R) (preset == null ? result : preset.result()));
  }

  boolean failed(Throwable failure) {
    return fail(failure);
  }

  boolean dropped(String message) {
    return drop(message);
  }

  /** Called with the lock of the books held. */
  void end() {
    state = State.ENDED;
    input = null;
  }

  void hasStarted() {
    started();
  }

  boolean isWanted() {
    return !isClaimed();
  }

  /**
   * Returns whether completing this future would run code of the user, and not just wake threads
   * up.
   */
  boolean hasCallbacks() {
    return getNumberOfDependents() > blocked;
  }

  // ---- what the user does

  @Override
  public void stop() {
    if (dispatcher.abandon(this, true)) {
      if (drop("the task was stopped before it started: task=" + describe())) {
        dispatcher.countCancelled();
      }
    }
  }

  @Override
  protected void abandoned(boolean mayInterruptIfRunning) {
    var _ = dispatcher.abandon(this, mayInterruptIfRunning);
    dispatcher.countCancelled();
  }

  @Override
  public R get() throws InterruptedException, ExecutionException {
    spin();
    if (isDone()) {
      return super.get();
    }
    var _ = (int) BLOCKED.getAndAdd(this, 1);
    try {
      return super.get();
    } finally {
      var _ = (int) BLOCKED.getAndAdd(this, -1);
    }
  }

  @Override
  public R get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (unit.toNanos(timeout) > BriefSpin.MAX_NANOS) {
      spin();
    }
    var _ = (int) BLOCKED.getAndAdd(this, 1);
    try {
      return super.get(timeout, unit);
    } finally {
      var _ = (int) BLOCKED.getAndAdd(this, -1);
    }
  }

  @Override
  public R join() {
    spin();
    var _ = (int) BLOCKED.getAndAdd(this, 1);
    try {
      return super.join();
    } finally {
      var _ = (int) BLOCKED.getAndAdd(this, -1);
    }
  }

  /** Waits a moment for a task that takes less; then the thread goes to sleep. */
  private void spin() {
    if (!isDone()
        && function.cost.nanos() < BriefSpin.MAX_NANOS
        && !Thread.currentThread().isVirtual()) {
      try {
        var _ = dispatcher.callersSpin.await(this::isDone);
      } catch (IOException impossible) {
        throw new AssertionError(impossible);
      }
    }
  }

  /** Does nothing: a task that never started is named by this object, not run by it. */
  @Override
  public void run() {}

  String describe() {
    return id + " (" + function.name + ")";
  }

  @Override
  public String toString() {
    return "task " + describe();
  }
}
