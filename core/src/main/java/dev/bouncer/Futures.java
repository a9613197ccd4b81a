package dev.bouncer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators.AbstractSpliterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Waits for several futures: as they complete, for any, for all, for the first failure. Only waits:
 * no method cancels a future, and a cancelled future counts as failed. What gives up says how many
 * are unfinished: {@code "2 of 4 unfinished: timeout=PT5S"}.
 */
public final class Futures {
  private Futures() {}

  /**
   * Gives futures as they complete, those first that are complete already. Reading waits for the
   * next one; if the reading thread is interrupted, a {@link CompletionException} with an {@link
   * InterruptedException} as cause is thrown and the interrupt status is set.
   *
   * @param <F> the type of the futures
   * @param futures which futures; one that is contained twice is given twice
   * @return a stream of all of them, complete each
   */
  public static <F extends CompletableFuture<?>> Stream<F> asCompleted(
      Collection<? extends F> futures) {
    return StreamSupport.stream(new Completed<F>(futures), false);
  }

  /**
   * Waits until all futures are complete, whichever way.
   *
   * @param futures which futures
   * @param timeout the longest wait; zero or less does not wait
   * @throws TimeoutException if some are unfinished when the time is up; says how many
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public static void awaitAll(Collection<? extends CompletableFuture<?>> futures, Duration timeout)
      throws InterruptedException, TimeoutException {
    var completed = new Completed<CompletableFuture<?>>(futures);
    long deadline = System.nanoTime() + bounded(timeout);
    while (completed.left > 0) {
      var _ = completed.next(deadline, timeout);
    }
  }

  /**
   * Waits until one future is complete, whichever way.
   *
   * @param <F> the type of the futures
   * @param futures which futures, at least one
   * @param timeout the longest wait; zero or less does not wait
   * @return the one that completed first
   * @throws IllegalArgumentException if there are none
   * @throws TimeoutException if none is complete when the time is up
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public static <F extends CompletableFuture<?>> F awaitAny(
      Collection<? extends F> futures, Duration timeout)
      throws InterruptedException, TimeoutException {
    if (futures.isEmpty()) {
      throw new IllegalArgumentException("futures must not be empty");
    }
    return new Completed<F>(futures).next(System.nanoTime() + bounded(timeout), timeout);
  }

  /**
   * Waits until one future has failed, or all have succeeded.
   *
   * @param <F> the type of the futures
   * @param futures which futures
   * @param timeout the longest wait; zero or less does not wait
   * @return the one that failed first; empty if all have succeeded
   * @throws TimeoutException if none has failed and some are unfinished when the time is up; says
   *     how many
   * @throws InterruptedException if the thread was interrupted while it waited
   */
  public static <F extends CompletableFuture<?>> Optional<F> awaitFirstFailure(
      Collection<? extends F> futures, Duration timeout)
      throws InterruptedException, TimeoutException {
    var completed = new Completed<F>(futures);
    long deadline = System.nanoTime() + bounded(timeout);
    while (completed.left > 0) {
      F future = completed.next(deadline, timeout);
      if (future.isCompletedExceptionally()) {
        return Optional.of(future);
      }
    }
    return Optional.empty();
  }

  /** So that a deadline does not overflow: 146 years. */
  private static long bounded(Duration timeout) {
    return Math.min(Timing.toNanos(timeout), Long.MAX_VALUE / 2);
  }

  /** Futures in the order of their completion. */
  private static final class Completed<F extends CompletableFuture<?>>
      extends AbstractSpliterator<F> {
    private final List<F> futures;
    private final LinkedBlockingQueue<F> completed = new LinkedBlockingQueue<>();
    private boolean watched;
    private int left;

    Completed(Collection<? extends F> futures) {
      super(futures.size(), Spliterator.NONNULL);
      this.futures = new ArrayList<>(futures);
      left = this.futures.size();
    }

    private void watch() {
      if (!watched) {
        watched = true;
        for (F future : futures) {
          var _ = future.whenComplete((result, failure) -> completed.add(future));
        }
      }
    }

    F next(long deadline, Duration timeout) throws InterruptedException, TimeoutException {
      watch();
      F next = completed.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (next == null) {
        throw new TimeoutException(
            left + " of " + futures.size() + " unfinished: timeout=" + timeout);
      }
      left--;
      return next;
    }

    @Override
    public boolean tryAdvance(Consumer<? super F> action) {
      if (left == 0) {
        return false;
      }
      watch();
      F next;
      try {
        next = completed.take();
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw new CompletionException(
            "interrupted while waiting: " + left + " of " + futures.size() + " unfinished",
            interrupted);
      }
      left--;
      action.accept(next);
      return true;
    }

    @Override
    public @Nullable Spliterator<F> trySplit() {
      return null;
    }
  }
}
