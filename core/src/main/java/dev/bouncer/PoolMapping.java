package dev.bouncer;

import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Gatherer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a mapping; each stream made from it is a {@link MappingRun}.
 *
 * @param oneLimiter whether {@code byInput} always gives the same limiter
 * @param context wraps what must run in the context of the thread that reads the stream
 */
record PoolMapping<T extends @Nullable Object, R extends @Nullable Object>(
    Pool pool,
    Task<? super T, ? extends R> task,
    UnaryOperator<Runnable> context,
    boolean ordered,
    @Nullable Integer bufferSize,
    @Nullable Duration perTask,
    @Nullable Function<? super T, ? extends Limiter> byInput,
    boolean oneLimiter,
    @Nullable Consumer<? super Progress> listener)
    implements Mapping<T, R> {
  private static final int DEFAULT_BUFFER_PER_WORKER = 16;

  static <T extends @Nullable Object, R extends @Nullable Object> PoolMapping<T, R> of(
      Pool pool, Task<? super T, ? extends R> task, UnaryOperator<Runnable> context) {
    Objects.requireNonNull(task, "task");
    return new PoolMapping<>(pool, task, context, true, null, null, null, false, null);
  }

  @Override
  public Mapping<T, R> unordered() {
    return new PoolMapping<>(
        pool, task, context, false, bufferSize, perTask, byInput, oneLimiter, listener);
  }

  @Override
  public Mapping<T, R> buffer(int results) {
    if (results < 1) {
      throw new IllegalArgumentException("buffer must be at least 1: results=" + results);
    }
    return new PoolMapping<>(
        pool, task, context, ordered, results, perTask, byInput, oneLimiter, listener);
  }

  @Override
  public Mapping<T, R> timeout(Duration newPerTask) {
    if (!newPerTask.isPositive()) {
      throw new IllegalArgumentException("timeout must be more than zero: perTask=" + newPerTask);
    }
    return new PoolMapping<>(
        pool, task, context, ordered, bufferSize, newPerTask, byInput, oneLimiter, listener);
  }

  @Override
  public Mapping<T, R> limiter(Limiter limiter) {
    Objects.requireNonNull(limiter, "limiter");
    return new PoolMapping<>(
        pool, task, context, ordered, bufferSize, perTask, input -> limiter, true, listener);
  }

  @Override
  public Mapping<T, R> limiter(Function<? super T, ? extends Limiter> newByInput) {
    Objects.requireNonNull(newByInput, "byInput");
    return new PoolMapping<>(
        pool, task, context, ordered, bufferSize, perTask, newByInput, false, listener);
  }

  @Override
  public Mapping<T, R> onProgress(Consumer<? super Progress> newListener) {
    Objects.requireNonNull(newListener, "listener");
    return new PoolMapping<>(
        pool, task, context, ordered, bufferSize, perTask, byInput, oneLimiter, newListener);
  }

  /** How many inputs may be read ahead of the reader. */
  int buffer() {
    if (bufferSize != null) {
      return bufferSize;
    }
    return (int) Math.min((long) DEFAULT_BUFFER_PER_WORKER * pool.maxWorkers(), 1 << 30);
  }

  @Override
  public Gatherer<T, ?, R> gatherer() {
    return MappingGatherer.of(this);
  }

  @Override
  public Stream<R> over(Iterable<? extends T> inputs) {
    return stream(new MappingRun<>(this, inputs, true, Slot::value));
  }

  @Override
  public Stream<Result<T, R>> resultsOver(Iterable<? extends T> inputs) {
    return stream(new MappingRun<>(this, inputs, false, Slot::result));
  }

  private static <E extends @Nullable Object> Stream<E> stream(MappingRun<?, ?, E> run) {
    return StreamSupport.stream(run, false).onClose(run::close);
  }
}
