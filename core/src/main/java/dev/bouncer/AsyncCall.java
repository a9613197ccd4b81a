package dev.bouncer;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One {@link Limiter#callAsync}: waits for the permit, then for the stage of the task, and gives
 * the permit back when that stage completes.
 *
 * <p>The future that the user holds is this object; cancelling it is passed on to whatever it waits
 * for at that moment: the request for the permit or the stage. {@code upstream} is written before
 * {@code isDone()} is looked at, and {@code cancel} completes the future before it reads {@code
 * upstream}, so one of the two threads always sees the other.
 */
final class AsyncCall<R> extends CompletableFuture<R> {
  private volatile @Nullable Future<?> upstream;

  private AsyncCall() {}

  static <R> CompletableFuture<R> start(
      CompletableFuture<Permit> request, Supplier<? extends CompletionStage<? extends R>> task) {
    AsyncCall<R> call = new AsyncCall<>();
    call.follow(request);
    var _ = request.whenComplete((permit, failure) -> call.begin(permit, failure, task));
    return call;
  }

  private void begin(
      @Nullable Permit permit,
      @Nullable Throwable failure,
      Supplier<? extends CompletionStage<? extends R>> task) {
    if (permit == null) {
      completeExceptionally(Objects.requireNonNull(failure));
      return;
    }
    if (isDone()) { // cancelled after the grant: the task has not begun and never will
      permit.close(Outcome.UNUSED);
      return;
    }
    CompletionStage<? extends R> stage;
    try {
      stage = Objects.requireNonNull(task.get(), "the task returned no stage");
      if (stage instanceof Future<?> future) {
        follow(future);
      }
      var _ = stage.whenComplete((result, failed) -> end(permit, result, failed));
    } catch (Throwable thrown) {
      permit.close();
      completeExceptionally(thrown);
    }
  }

  private void follow(Future<?> next) {
    upstream = next;
    if (isDone()) {
      next.cancel(true);
    }
  }

  private void end(Permit permit, @Nullable R result, @Nullable Throwable failed) {
    // One callback, so that whoever the permit goes to runs after this call is complete: its code
    // may wait for this call's result.
    Callbacks.run(
        Timing.SYSTEM,
        () -> {
          permit.close();
          if (failed == null) {
            complete(result);
          } else {
            completeExceptionally(
                failed instanceof CompletionException wrapper && wrapper.getCause() != null
                    ? wrapper.getCause()
                    : failed);
          }
        });
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    Future<?> waitsFor = upstream;
    if (cancelled && waitsFor != null) {
      waitsFor.cancel(mayInterruptIfRunning);
    }
    return cancelled;
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
