package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The future that a {@link Pool} gives for a task: a {@link CompletableFuture} that knows the task
 * behind it.
 *
 * <p>Two parties want to complete it: the pool, when the task has ended, and whoever holds the
 * future, by {@link #cancel cancel}, {@link #complete complete}, {@link #orTimeout orTimeout} and
 * the like. One field decides between them. When the holder wins, the task is <i>abandoned</i>: it
 * leaves the queue at once, or is interrupted if it runs, and what it makes of that is of no
 * interest any more. Its place in the pool is given back when it has really ended, never earlier.
 *
 * <p>What the task throws is the {@linkplain java.util.concurrent.ExecutionException#getCause()
 * cause} of what {@code get} and {@code join} throw, also when it is a {@link
 * CancellationException} or a {@link CompletionException}: such a task has failed, {@link
 * #isCancelled()} is false.
 *
 * <p>Futures derived from this one, by {@code thenApply} and the like, are plain ones: cancelling
 * them does not reach the task. Their functions run on the task's thread while it still holds its
 * place, so that they too never run more than {@code maxWorkers} at once.
 *
 * @param <R> the type of the result
 */
public abstract class TaskFuture<R extends @Nullable Object> extends CompletableFuture<R> {
  private static final VarHandle CLAIMED;
  private static final VarHandle START_ACTION;
  private static final VarHandle LISTENER;
  private static final BiConsumer<Object, Throwable> TOLD = TaskFuture::nothingMore;

  static {
    try {
      CLAIMED = MethodHandles.lookup().findVarHandle(TaskFuture.class, "claimed", boolean.class);
      START_ACTION =
          MethodHandles.lookup().findVarHandle(TaskFuture.class, "startAction", Runnable.class);
      LISTENER =
          MethodHandles.lookup().findVarHandle(TaskFuture.class, "listener", BiConsumer.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  /** True once it is decided who completes this future. */
  private volatile boolean claimed;

  /** What to do when the task starts, until somebody does it. */
  private volatile @Nullable Runnable startAction;

  private volatile boolean started;

  /** Who is told of the end before all dependents; {@link #TOLD} when it has been. */
  private volatile @Nullable BiConsumer<? super R, ? super @Nullable Throwable> listener;

  /** Creates the future of a task that has not started. */
  protected TaskFuture() {}

  private static void nothingMore(Object result, Throwable failure) {}

  // For those who hold the future.

  /**
   * Asks the task to end, and lets this future tell what came of it. A task that was still queued
   * is cancelled at once. One that runs is interrupted, and this future completes only when it has
   * really ended, with whatever it returned or threw. {@link #cancel cancel(true)} interrupts as
   * well, but completes the future without waiting for the end.
   */
  public abstract void stop();

  /**
   * Runs an action once, when the task starts: on the thread that starts it, or at once on the
   * calling thread when it has started already. Never, when the task is abandoned before. At most
   * one action can be registered.
   *
   * @param action what to run; it must be short and must not throw
   * @throws IllegalStateException if there is an action already
   */
  public final void whenStarted(Runnable action) {
    if (!START_ACTION.compareAndSet(this, null, action)) {
      throw new IllegalStateException("a task can have one start action only: task=" + this);
    }
    if (started) {
      runStartAction();
    }
  }

  /**
   * Tells whether the task has started; stays true when it has ended.
   *
   * @return false while it is queued
   */
  public final boolean isStarted() {
    return started;
  }

  /**
   * Cancels the task: it leaves the queue at once, or keeps its place until it has really ended.
   *
   * @param mayInterruptIfRunning whether to interrupt the task if it runs
   * @return true if this future is now cancelled
   */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    if (claim()) {
      abandoned(mayInterruptIfRunning);
      return settleFailure(new CancellationException());
    }
    return isCancelled();
  }

  @Override
  public boolean complete(R value) {
    if (claim()) {
      abandoned(true);
      return settle(value);
    }
    return false;
  }

  @Override
  public boolean completeExceptionally(Throwable failure) {
    if (failure == null) {
      throw new NullPointerException("failure");
    }
    if (claim()) {
      abandoned(true);
      return settleFailure(failure);
    }
    return false;
  }

  @Override
  public CompletableFuture<R> completeAsync(Supplier<? extends R> supplier, Executor executor) {
    if (supplier == null) {
      throw new NullPointerException("supplier");
    }
    executor.execute(() -> {
      if (!isDone()) {
        try {
          complete(supplier.get());
        } catch (Throwable thrown) {
          completeExceptionally(new CompletionException(thrown));
        }
      }
    });
    return this;
  }

  @Override
  public CompletableFuture<R> completeAsync(Supplier<? extends R> supplier) {
    return completeAsync(supplier, defaultExecutor());
  }

  @Override
  public void obtrudeValue(R value) {
    boolean _ = complete(value);
    super.obtrudeValue(value);
  }

  @Override
  public void obtrudeException(Throwable failure) {
    if (failure == null) {
      throw new NullPointerException("failure");
    }
    boolean _ = completeExceptionally(failure);
    super.obtrudeException(failure);
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }

  // For the pool.

  /**
   * Called once, when whoever holds this future has completed it before the pool: takes the task
   * out of the queue, or interrupts it. Must not block and must not throw.
   *
   * @param mayInterruptIfRunning false if a task that runs must be left alone
   */
  protected abstract void abandoned(boolean mayInterruptIfRunning);

  /** Called by the pool when the task starts, before its code runs. */
  protected final void started() {
    started = true;
    runStartAction();
  }

  private void runStartAction() {
    Runnable action = startAction;
    if (action != null && START_ACTION.compareAndSet(this, action, null)) {
      action.run();
    }
  }

  /**
   * Called by the pool when the task has ended with a result.
   *
   * @param result the result
   * @return false if the task was abandoned before
   */
  protected final boolean succeed(R result) {
    if (claim()) {
      deliver(result);
      return true;
    }
    return false;
  }

  /**
   * Called by the pool when the task has ended with a failure, or will never start.
   *
   * @param failure what the task threw
   * @return false if the task was abandoned before
   */
  protected final boolean fail(Throwable failure) {
    if (claim()) {
      deliverFailure(failure);
      return true;
    }
    return false;
  }

  /**
   * Called by the pool when the task will never start because the pool was told to drop it: {@link
   * #isCancelled()} is true then.
   *
   * @param message why
   * @return false if the task was abandoned before
   */
  protected final boolean drop(String message) {
    if (claim()) {
      deliverCancellation(message);
      return true;
    }
    return false;
  }

  /**
   * Tells whether it is decided who completes this future. A pool that is about to start the task
   * must not start it any more when this is true.
   *
   * @return true from the moment that one party has won
   */
  protected final boolean isClaimed() {
    return claimed;
  }

  /** Decides for the caller, once. Whoever gets true must complete the future. */
  final boolean claim() {
    return !claimed && CLAIMED.compareAndSet(this, false, true);
  }

  /** Completes after a successful {@link #claim}. */
  final void deliver(R result) {
    boolean _ = settle(result);
  }

  /** Completes after a successful {@link #claim}. */
  final void deliverFailure(Throwable failure) {
    // Unwrapped, these two would read as "cancelled" or lose the task's own exception.
    boolean ambiguous =
        failure instanceof CancellationException || failure instanceof CompletionException;
    boolean _ = settleFailure(ambiguous ? new CompletionException(failure) : failure);
  }

  /** Completes after a successful {@link #claim}. */
  final void deliverCancellation(String message) {
    boolean _ = settleFailure(new CancellationException(message));
  }

  /**
   * Registers who is told of the end, as by {@code whenComplete} but for less: one, and before all
   * dependents. If there is one already, or the end has come, it is an ordinary dependent.
   */
  final void onEnd(BiConsumer<? super R, ? super @Nullable Throwable> newListener) {
    if (!LISTENER.compareAndSet(this, null, newListener)) {
      var _ = whenComplete(newListener);
    }
  }

  private boolean settle(R result) {
    var told = tellNobodyElse();
    if (told != null) {
      told.accept(result, null);
    }
    return super.complete(result);
  }

  @SuppressWarnings("NullAway") // no result comes with a failure
  private boolean settleFailure(Throwable failure) {
    var told = tellNobodyElse();
    if (told != null) {
      told.accept(null, failure);
    }
    return super.completeExceptionally(failure);
  }

  @SuppressWarnings("unchecked")
  private @Nullable BiConsumer<? super R, ? super @Nullable Throwable> tellNobodyElse() {
    return (BiConsumer<? super R, ? super @Nullable Throwable>) LISTENER.getAndSet(this, TOLD);
  }
}
