package dev.bouncer;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Gatherer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link Pool} applies a task to many inputs. Immutable: each method returns a new mapping,
 * and one mapping can be used many times and from many threads.
 *
 * <pre>{@code
 * try (Stream<Page> pages = pool.mapping(this::fetch).unordered().timeout(ofSeconds(5)).over(urls)) {
 *   pages.forEach(this::index);
 * }
 * }</pre>
 *
 * <p><b>Lazy.</b> Nothing happens until the stream is read. Then a thread of its own reads the
 * inputs, as many as the {@linkplain #buffer buffer} allows and no further, so that a result that
 * is ready never waits for the next input. Inputs may be endless and slow. Nulls are fine.
 *
 * <p><b>The end.</b> The stream ends with the last result, with a failure, when it is {@linkplain
 * Stream#close closed}, or when the thread that reads it is interrupted (its interrupt status is
 * set, and a {@link java.util.concurrent.CompletionException} with an {@link InterruptedException}
 * as cause is thrown). Whichever it is: what has not started by then never will, what runs is
 * interrupted, and the reader goes on only when none of its tasks is running any more. A stream
 * that is given up halfway should be closed, best by {@code try}; one that is just dropped lets the
 * tasks that it has submitted run, and no more.
 *
 * <p>The streams are sequential: {@code parallel()} does not split them.
 *
 * @param <T> the type of the inputs
 * @param <R> the type of the results
 */
public interface Mapping<T extends @Nullable Object, R extends @Nullable Object> {

  /**
   * Gives results as they finish. By default they come in the order of the inputs.
   *
   * @return a new mapping
   */
  Mapping<T, R> unordered();

  /**
   * Bounds how far the mapping runs ahead of its reader. Default: sixteen for each worker of the
   * pool, which suits small results; large ones deserve less.
   *
   * @param results how many inputs may have been read whose result has not been taken yet, at least
   *     1: those that wait, those that run, and finished results that nobody has read
   * @return a new mapping
   * @throws IllegalArgumentException if the number is below 1
   */
  Mapping<T, R> buffer(int results);

  /**
   * Bounds the time that each task may run, counted from its start. A task whose time is up fails
   * with a {@link java.util.concurrent.TimeoutException} and is interrupted; it keeps its worker
   * until it has really ended.
   *
   * @param perTask the longest time, more than zero
   * @return a new mapping
   * @throws IllegalArgumentException if the time is zero or less
   */
  Mapping<T, R> timeout(Duration perTask);

  /**
   * Makes every task also hold a permit of a limiter. The permit is acquired, without a thread,
   * before the task is handed to the pool, so that a task that waits for one keeps no worker busy;
   * it is given back when the task has really ended.
   *
   * @param limiter where the permits come from
   * @return a new mapping
   */
  Mapping<T, R> limiter(Limiter limiter);

  /**
   * Like {@link #limiter(Limiter)}, with a limiter that depends on the input: one a host, say.
   *
   * @param byInput finds the limiter of an input; if it throws, that input has failed
   * @return a new mapping
   */
  Mapping<T, R> limiter(Function<? super T, ? extends Limiter> byInput);

  /**
   * Tells a listener how far the mapping has come: after each task that ends, or less often if the
   * listener is slower than the tasks. It is called on a thread of its own, never twice at a time,
   * and the last call, with the final numbers, is over before the stream ends. What it throws goes
   * to the thread's handler for uncaught exceptions.
   *
   * @param listener gets the progress
   * @return a new mapping
   */
  Mapping<T, R> onProgress(Consumer<? super Progress> listener);

  /**
   * Applies the task to each input. The first task that fails ends it all at once, also when the
   * tasks of earlier inputs are still running: the results that are ready are delivered, the rest
   * is cancelled, and when no task is running any more a {@link
   * java.util.concurrent.CompletionException} is thrown. Its cause is what the task threw; failures
   * of other tasks are {@linkplain Throwable#getSuppressed() suppressed} in it. What the source of
   * the inputs throws ends it in the same way.
   *
   * @param inputs the inputs; iterated once for each stream, by one thread at a time
   * @return a stream of the results; closing it cancels the rest
   */
  Stream<R> over(Iterable<? extends T> inputs);

  /**
   * Applies the task to each input and gives one result an input, failed or not. What the source of
   * the inputs throws is thrown, as the cause of a {@link
   * java.util.concurrent.CompletionException}, after the results of all inputs before it.
   *
   * @param inputs the inputs; iterated once for each stream, by one thread at a time
   * @return a stream of the results; closing it cancels the rest
   */
  Stream<Result<T, R>> resultsOver(Iterable<? extends T> inputs);

  /**
   * Returns an intermediate operation for an existing pipeline: {@code stream.gather(mapping
   * .gatherer())}. It has the settings of this mapping and fails fast like {@link #over}.
   *
   * <p>Prefer {@code over} where you can: a gatherer can pass results on only while it is handed an
   * element, or at the end. So a result that is ready, or a failure, waits for the next element of
   * the pipeline; an interrupt of the thread is noticed only while it waits for a result; and if a
   * later operation throws, the tasks that were submitted run to their end.
   *
   * @return a sequential gatherer
   */
  Gatherer<T, ?, R> gatherer();
}
