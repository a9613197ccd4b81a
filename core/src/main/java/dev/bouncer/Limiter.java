package dev.bouncer;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * Hands out permits so that never more than a limit are in use at once.
 *
 * <p>Ask with {@code acquire} (waits), {@code tryAcquire} (may answer "not now") or {@code
 * acquireAsync} (holds no thread while it waits), and close the {@link Permit} when done. The forms
 * that own both ends, {@link #call}, {@link #run} and {@link #callAsync}, cannot leak one.
 *
 * <p><b>Order.</b> First in, first out, over blocking and asynchronous callers alike, unless an
 * implementation is told otherwise. Nobody barges: while somebody waits, {@code tryAcquire} answers
 * "not now" even if a unit is free.
 *
 * <p><b>Weight.</b> A permit may take several units. The first in line is served first, even when a
 * lighter request behind it would fit. A weight above the limit fails at once, because it could
 * wait for ever; weight 1 at limit 0 waits.
 *
 * <p><b>Not getting a permit</b> has five names, always told apart: {@link LimiterClosedException};
 * {@link LimiterFullException}; timed out ({@link Optional#empty()} or {@link
 * java.util.concurrent.TimeoutException}); {@link InterruptedException}; {@link
 * java.util.concurrent.CancellationException}.
 *
 * <p><b>Giving up.</b> A timeout, an interrupt or a cancel never loses a permit: whoever gives up
 * either holds none or is told so. All methods may be called from any thread, platform or virtual.
 * Argument errors are thrown by the call itself, also by the asynchronous methods, and change no
 * state; memory effects, nulls and durations are described at {@linkplain dev.bouncer the package}.
 *
 * <p><b>Limiters of your own</b> can be parts of {@link #allOf} and limiters of keys, and above
 * them. Asked are {@link #name}, {@link #tryAcquire(int)}, {@link #acquireAsync(int)} and {@link
 * #stats}, from any thread, and never while a lock of this library is held; none may block, but a
 * lock of your own may be held while it completes a future. A cancelled future must leave the line
 * and hold nothing. A weight above {@code limit} is refused; a key may be evicted, and its limiter
 * closed, when {@code inUse} and {@code waiting} are 0, so they must count a permit before it is
 * handed out. What a method throws reaches the caller or fails the first in line, and all other
 * parts are given back.
 */
public interface Limiter extends AutoCloseable {

  /**
   * Returns the name that messages, statistics and thread dumps show.
   *
   * @return the name
   */
  String name();

  /**
   * Waits for a permit of weight 1.
   *
   * @return the permit
   * @throws InterruptedException if the thread was interrupted before or while it waited; it then
   *     holds no permit
   * @throws LimiterClosedException if the limiter is or becomes closed
   * @throws LimiterFullException if the line is full
   */
  Permit acquire() throws InterruptedException;

  /**
   * Waits for a permit of the given weight.
   *
   * @param weight units to take, at least 1
   * @return the permit
   * @throws InterruptedException if the thread was interrupted before or while it waited; it then
   *     holds no permit
   * @throws IllegalArgumentException if the weight is below 1 or above the limit
   * @throws LimiterClosedException if the limiter is or becomes closed
   * @throws LimiterFullException if the line is full
   */
  Permit acquire(int weight) throws InterruptedException;

  /**
   * Takes a permit of weight 1 if there is one right now and nobody waits. Never waits, never
   * barges.
   *
   * @return the permit, or empty for "not now"
   * @throws LimiterClosedException if the limiter is closed
   */
  Optional<Permit> tryAcquire();

  /**
   * Takes a permit of the given weight if there is one right now and nobody waits. Never waits,
   * never barges.
   *
   * @param weight units to take, at least 1
   * @return the permit, or empty for "not now"
   * @throws IllegalArgumentException if the weight is below 1 or above the limit
   * @throws LimiterClosedException if the limiter is closed
   */
  Optional<Permit> tryAcquire(int weight);

  /**
   * Waits for a permit of weight 1, but no longer than the timeout.
   *
   * @param timeout the longest wait; zero or less is an immediate try
   * @return the permit, or empty when the time was up
   * @throws InterruptedException if the thread was interrupted before or while it waited; it then
   *     holds no permit
   * @throws LimiterClosedException if the limiter is or becomes closed
   * @throws LimiterFullException if the line is full
   */
  Optional<Permit> tryAcquire(Duration timeout) throws InterruptedException;

  /**
   * Waits for a permit of the given weight, but no longer than the timeout.
   *
   * @param weight units to take, at least 1
   * @param timeout the longest wait; zero or less is an immediate try
   * @return the permit, or empty when the time was up
   * @throws InterruptedException if the thread was interrupted before or while it waited; it then
   *     holds no permit
   * @throws IllegalArgumentException if the weight is below 1 or above the limit
   * @throws LimiterClosedException if the limiter is or becomes closed
   * @throws LimiterFullException if the line is full
   */
  Optional<Permit> tryAcquire(int weight, Duration timeout) throws InterruptedException;

  /**
   * Asks for a permit of weight 1 and returns at once. No thread is held while the request waits.
   *
   * <p>If {@link CompletableFuture#cancel cancel} returns true, no permit was taken; if it returns
   * false, the future is done or about to hold a permit, which must be closed. Completing the
   * future by hand, or by {@link CompletableFuture#orTimeout orTimeout}, counts as giving up. Note
   * that cancelling a future <i>derived</i> from this one does not reach the request: prefer {@link
   * #callAsync}.
   *
   * @return a future of the permit; it fails with {@link LimiterClosedException} or {@link
   *     LimiterFullException}
   */
  CompletableFuture<Permit> acquireAsync();

  /**
   * Asks for a permit of the given weight and returns at once, like {@link #acquireAsync()}.
   *
   * @param weight units to take, at least 1
   * @return a future of the permit; it fails with {@link LimiterClosedException} or {@link
   *     LimiterFullException}
   * @throws IllegalArgumentException if the weight is below 1 or above the limit
   */
  CompletableFuture<Permit> acquireAsync(int weight);

  /**
   * Asks for a permit of the given weight and returns at once, like {@link #acquireAsync()}; the
   * request gives up by itself when the time is up.
   *
   * @param weight units to take, at least 1
   * @param timeout the longest wait; zero or less is an immediate try
   * @return a future of the permit; it fails with {@link LimiterTimeoutException}, {@link
   *     LimiterClosedException} or {@link LimiterFullException}
   * @throws IllegalArgumentException if the weight is below 1 or above the limit
   */
  CompletableFuture<Permit> acquireAsync(int weight, Duration timeout);

  /**
   * Waits for a permit, runs the task on the calling thread, and gives the permit back whichever
   * way the task ends.
   *
   * @param <R> the type of the result
   * @param task what to run
   * @return what the task returned
   * @throws Exception what the task threw, or {@link InterruptedException} if the thread was
   *     interrupted before the task began
   */
  default <R> R call(Callable<? extends R> task) throws Exception {
    Objects.requireNonNull(task, "task");
    Permit permit = acquire();
    try {
      return task.call();
    } finally {
      permit.close();
    }
  }

  /**
   * Waits for a permit, runs the task on the calling thread, and gives the permit back whichever
   * way the task ends.
   *
   * @param task what to run
   * @throws InterruptedException if the thread was interrupted before the task began
   */
  default void run(Runnable task) throws InterruptedException {
    Objects.requireNonNull(task, "task");
    Permit permit = acquire();
    try {
      task.run();
    } finally {
      permit.close();
    }
  }

  /**
   * Starts an asynchronous task when there is a permit for it, and gives the permit back when the
   * <i>stage</i> that the task returned completes, whichever way, not when the task returns.
   *
   * <p>Cancelling the returned future before the task was started withdraws the request. After that
   * it is passed on to the task's stage, if that is a future; the permit stays in use until that
   * stage has really completed.
   *
   * @param <R> the type of the result
   * @param task starts the work and returns a stage of its result; runs on the thread that asked or
   *     on the one that gave the permit back
   * @return a future of the stage's result; it fails as the stage fails, with what the task itself
   *     threw, or with what {@link #acquireAsync()} fails with
   */
  default <R> CompletableFuture<R> callAsync(
      Supplier<? extends CompletionStage<? extends R>> task) {
    Objects.requireNonNull(task, "task");
    return AsyncCall.start(acquireAsync(), task);
  }

  /**
   * Makes one limiter of several: it hands out one permit that holds the same weight of each, or
   * nothing.
   *
   * <p>While a request waits it holds nothing: a place that is free is left to others, and a rate
   * is not spent, until all can be had together; {@link RateLimiter}s are always asked last.
   * Requests of the combined limiter are served first in, first out; only the first of them stands
   * in the lines of the parts. If the parts are so busy with others that the first of them is
   * turned back time and again, it keeps what it gets, in an order that is the same for all
   * limiters: so nobody starves, and no mix of combined limiters can deadlock.
   *
   * <p>The parts can be used directly and be parts of others at the same time. A part that is
   * combined itself stands for its parts, and one that is named twice is taken once. The numbers
   * are those of the tightest part: the least limit, and the least that is available. Closing the
   * combined limiter leaves the parts open; when a part is found closed, the combined limiter is
   * closed too.
   *
   * @param first one of the parts
   * @param others the others
   * @return the combined limiter
   */
  static Limiter allOf(Limiter first, Limiter... others) {
    return CompositeLimiter.of(first, others);
  }

  /**
   * Returns the numbers of this moment.
   *
   * @return an immutable snapshot
   */
  LimiterStats stats();

  /**
   * Closes the limiter for good: those who wait and those who ask later get a {@link
   * LimiterClosedException}; permits that are held stay valid and can be given back. Closing again
   * does nothing. Never blocks.
   */
  @Override
  void close();
}
