package dev.bouncer;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks, never more than {@link #maxWorkers()} at once, and keeps the queue of the rest, first
 * in, first out.
 *
 * <p>A pool is an {@link ExecutorService} with everything that the JDK documents for one: {@code
 * shutdown} lets the queue finish, {@code shutdownNow} interrupts what runs and returns what never
 * started, {@code close} waits for the end. What is submitted after that is refused with {@link
 * java.util.concurrent.RejectedExecutionException}.
 *
 * <p><b>Futures.</b> {@code cancel(true)} interrupts a running task; a cancelled task that was
 * still queued leaves the queue at once; a running one keeps its place until it has really ended. A
 * task that may have started is never run twice.
 *
 * <p>All methods may be called from any thread. A task that waits for another task of the same pool
 * can wait for ever: the pool's places are what it is made of.
 */
public interface Pool extends ExecutorService {

  /**
   * Returns how many tasks run at once at the most.
   *
   * @return the number of workers, at least 1
   */
  int maxWorkers();

  /**
   * Changes how many tasks run at once at the most. Raising it starts queued tasks at once;
   * lowering it lets the tasks that run end by themselves. Never blocks.
   *
   * @param maxWorkers the new number, at least 1
   * @throws IllegalArgumentException if the number is below 1
   */
  void setMaxWorkers(int maxWorkers);

  /**
   * Queues a job.
   *
   * @param <R> the type of the result
   * @param job what to run
   * @return a future of its result
   * @throws java.util.concurrent.RejectedExecutionException if the pool was shut down or is full
   */
  <R extends @Nullable Object> CompletableFuture<R> submit(Job<R> job);

  /**
   * Queues a task for one input.
   *
   * @param <T> the type of the input
   * @param <R> the type of the result
   * @param task what to run
   * @param input what to run it on
   * @return a future of its result
   * @throws java.util.concurrent.RejectedExecutionException if the pool was shut down or is full
   */
  <T extends @Nullable Object, R extends @Nullable Object> CompletableFuture<R> submit(
      Task<? super T, ? extends R> task, T input);

  /**
   * Applies a task to each input, at most {@link #maxWorkers()} at once, and gives the results in
   * the order of the inputs. Lazy and in bounded memory; the first failure ends it at once. Short
   * for {@code mapping(task).over(inputs)}; see {@link Mapping}.
   *
   * @param <T> the type of the inputs
   * @param <R> the type of the results
   * @param inputs the inputs
   * @param task what to run
   * @return a stream of the results; closing it cancels the rest
   */
  default <T extends @Nullable Object, R extends @Nullable Object> Stream<R> map(
      Iterable<? extends T> inputs, Task<? super T, ? extends R> task) {
    return this.<T, R>mapping(task).over(inputs);
  }

  /**
   * Returns how to apply a task to many inputs, to be refined and then used.
   *
   * @param <T> the type of the inputs
   * @param <R> the type of the results
   * @param task what to run
   * @return a mapping: in input order, with a buffer of sixteen results a worker
   */
  default <T extends @Nullable Object, R extends @Nullable Object> Mapping<T, R> mapping(
      Task<? super T, ? extends R> task) {
    return PoolMapping.of(this, task, Context.NONE);
  }

  @Override
  <R extends @Nullable Object> CompletableFuture<R> submit(Callable<R> task);

  @Override
  <R extends @Nullable Object> CompletableFuture<R> submit(Runnable task, R result);

  @Override
  CompletableFuture<?> submit(Runnable task);

  @Override
  default <R extends @Nullable Object> List<Future<R>> invokeAll(
      Collection<? extends Callable<R>> tasks) throws InterruptedException {
    return Invocations.all(this, tasks);
  }

  @Override
  default <R extends @Nullable Object> List<Future<R>> invokeAll(
      Collection<? extends Callable<R>> tasks, long timeout, TimeUnit unit)
      throws InterruptedException {
    return Invocations.all(this, tasks, unit.toNanos(timeout));
  }

  @Override
  default <R extends @Nullable Object> R invokeAny(Collection<? extends Callable<R>> tasks)
      throws InterruptedException, ExecutionException {
    return Invocations.any(this, tasks);
  }

  @Override
  default <R extends @Nullable Object> R invokeAny(
      Collection<? extends Callable<R>> tasks, long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return Invocations.any(this, tasks, unit.toNanos(timeout));
  }

  /**
   * Returns the numbers of this moment.
   *
   * @return an immutable snapshot
   */
  PoolStats stats();
}
