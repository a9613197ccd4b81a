package dev.bouncer;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** {@code invokeAll} and {@code invokeAny} over any {@link Pool}, as the JDK documents them. */
final class Invocations {
  private Invocations() {}

  static <R extends @Nullable Object> List<Future<R>> all(
      Pool pool, Collection<? extends Callable<R>> tasks) throws InterruptedException {
    return all(pool, tasks, Long.MAX_VALUE);
  }

  static <R extends @Nullable Object> List<Future<R>> all(
      Pool pool, Collection<? extends Callable<R>> tasks, long nanos) throws InterruptedException {
    long start = System.nanoTime();
    List<Future<R>> futures = new ArrayList<>(tasks.size());
    boolean ended = false;
    try {
      for (Callable<R> task : tasks) {
        futures.add(pool.submit(task));
      }
      for (Future<R> future : futures) {
        if (!await(future, nanos - (System.nanoTime() - start))) {
          return futures; // time is up: the rest is cancelled below
        }
      }
      ended = true;
      return futures;
    } finally {
      if (!ended) {
        cancel(futures);
      }
    }
  }

  static <R extends @Nullable Object> R any(Pool pool, Collection<? extends Callable<R>> tasks)
      throws InterruptedException, ExecutionException {
    try {
      return any(pool, tasks, Long.MAX_VALUE);
    } catch (TimeoutException impossible) {
      throw new AssertionError("292 years have passed", impossible);
    }
  }

  static <R extends @Nullable Object> R any(
      Pool pool, Collection<? extends Callable<R>> tasks, long nanos)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (tasks.isEmpty()) {
      throw new IllegalArgumentException("tasks must not be empty");
    }
    long start = System.nanoTime();
    var finished = new LinkedBlockingQueue<Future<R>>();
    List<Future<R>> futures = new ArrayList<>(tasks.size());
    try {
      for (Callable<R> task : tasks) {
        var future = pool.submit(task);
        futures.add(future);
        var _ = future.whenComplete((result, failure) -> finished.add(future));
      }
      @Nullable ExecutionException last = null;
      for (int left = futures.size(); left > 0; left--) {
        Future<R> next = finished.poll(nanos - (System.nanoTime() - start), TimeUnit.NANOSECONDS);
        if (next == null) {
          throw new TimeoutException(
              "none of " + futures.size() + " tasks succeeded in time: unfinished=" + left);
        }
        try {
          return next.get();
        } catch (ExecutionException failure) {
          last = failure;
        } catch (CancellationException cancelled) {
          last = new ExecutionException(cancelled);
        }
      }
      throw java.util.Objects.requireNonNull(last);
    } finally {
      cancel(futures);
    }
  }

  /** Waits for the end of one task, however it ends; false when the time was up. */
  private static boolean await(Future<?> future, long nanos) throws InterruptedException {
    try {
      future.get(nanos, TimeUnit.NANOSECONDS);
      return true;
    } catch (ExecutionException | CancellationException ended) {
      return true;
    } catch (TimeoutException timeIsUp) {
      return false;
    }
  }

  /** The last ones first, so that no place that becomes free starts one that is to be cancelled. */
  private static void cancel(List<? extends Future<?>> futures) {
    for (Future<?> future : futures.reversed()) {
      future.cancel(true);
    }
  }
}
