package dev.bouncer;

import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * What came of one input: {@link Success} or {@link Failure}.
 *
 * @param <T> the type of the input
 * @param <R> the type of the result
 */
public sealed interface Result<T extends @Nullable Object, R extends @Nullable Object> {

  /**
   * Returns the input.
   *
   * @return the input
   */
  T input();

  /**
   * Returns the task's result.
   *
   * @return the result
   * @throws CompletionException if the task failed; its cause is what the task threw
   */
  R orElseThrow();

  /**
   * The task returned.
   *
   * @param <T> the type of the input
   * @param <R> the type of the result
   * @param input the input
   * @param value what the task returned
   */
  record Success<T extends @Nullable Object, R extends @Nullable Object>(T input, R value)
      implements Result<T, R> {
    @Override
    public R orElseThrow() {
      return value;
    }
  }

  /**
   * The task threw, timed out, or could not be run.
   *
   * @param <T> the type of the input
   * @param <R> the type of the result
   * @param input the input
   * @param cause what the task threw itself; a {@link java.util.concurrent.TimeoutException} when
   *     its time was up
   */
  record Failure<T extends @Nullable Object, R extends @Nullable Object>(T input, Throwable cause)
      implements Result<T, R> {
    @Override
    public R orElseThrow() {
      throw new CompletionException("the task failed: input=" + input, cause);
    }
  }
}
