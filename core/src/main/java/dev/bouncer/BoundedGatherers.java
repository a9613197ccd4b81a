package dev.bouncer;

import java.util.Objects;
import java.util.stream.Gatherer;
import org.jspecify.annotations.Nullable;

/**
 * Bounded maps as intermediate operations of existing pipelines: {@code
 * stream.gather(BoundedGatherers.map(pool, this::fetch))}. What they can and cannot do is said at
 * {@link Mapping#gatherer()}, which offers more settings.
 */
public final class BoundedGatherers {
  private BoundedGatherers() {}

  /**
   * Applies a task to each element on a pool; results in the order of the elements.
   *
   * @param <T> the type of the elements
   * @param <R> the type of the results
   * @param pool where the tasks run
   * @param task what to run
   * @return a sequential gatherer
   */
  public static <T extends @Nullable Object, R extends @Nullable Object> Gatherer<T, ?, R> map(
      Pool pool, Task<? super T, ? extends R> task) {
    return pool.<T, R>mapping(task).gatherer();
  }

  /**
   * Applies a task to each element on virtual threads, while it holds a permit of a limiter;
   * results in the order of the elements. As many tasks run at once as the limiter lets, but no
   * more than its limit was when the gatherer was made.
   *
   * @param <T> the type of the elements
   * @param <R> the type of the results
   * @param limiter where the permits come from
   * @param task what to run
   * @return a sequential gatherer
   */
  public static <T extends @Nullable Object, R extends @Nullable Object> Gatherer<T, ?, R> map(
      Limiter limiter, Task<? super T, ? extends R> task) {
    Objects.requireNonNull(limiter, "limiter");
    // Never closed: a pool on virtual threads that runs nothing holds nothing.
    ThreadPool pool =
        ThreadPool.builder()
            .name(limiter.name())
            .maxWorkers(Math.max(1, limiter.stats().limit()))
            .build();
    return pool.<T, R>mapping(task).limiter(limiter).gatherer();
  }
}
