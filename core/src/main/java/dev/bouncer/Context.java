package dev.bouncer;

import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Passes a task with a result through a hook that wraps a {@code Runnable}. */
final class Context<R extends @Nullable Object> implements Runnable {
  /** Carries nothing. */
  static final UnaryOperator<Runnable> NONE = task -> task;

  private final Callable<R> task;
  private boolean ran;
  private @Nullable R result;
  private @Nullable Throwable thrown;

  private Context(Callable<R> task) {
    this.task = task;
  }

  static <R extends @Nullable Object> Callable<R> carry(
      UnaryOperator<Runnable> hook, Callable<R> task) {
    if (hook == NONE) {
      return task;
    }
    var carried = new Context<>(task);
    Runnable wrapped = hook.apply(carried);
    if (wrapped == null) {
      throw new NullPointerException("the context hook returned nothing to run");
    }
    return () -> {
      wrapped.run();
      return carried.outcome();
    };
  }

  @Override
  public void run() {
    ran = true;
    try {
      result = task.call();
    } catch (Throwable t) {
      thrown = t;
    }
  }

  @SuppressWarnings("NullAway") // the task's own result, of the task's own type
  private R outcome() throws Exception {
    if (thrown instanceof Error error) {
      throw error;
    }
    if (thrown != null) {
      throw (Exception) thrown;
    }
    if (!ran) {
      throw new IllegalStateException("the context hook must run the task that it was given");
    }
    return result;
  }
}
