package dev.bouncer.http;

import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A body on its way to the user's subscriber, watched so that its end is never missed: complete,
 * failed, cancelled by its reader, aborted from outside, or standing still for too long.
 *
 * <p>Everything passes through unchanged. Signals of the connection come one after the other, but
 * an abort may come from any thread in between; so {@code inside} counts who wants to signal.
 * Whoever raises it from zero may call the subscriber. An abort that finds somebody inside leaves
 * the failure to be delivered by that thread on its way out.
 */
final class WatchedBody<T> implements BodySubscriber<T>, Subscription {

  /** How a body ended. */
  enum End {
    COMPLETE,
    /** The connection or the server failed. */
    BROKEN,
    /** The reader wanted no more, or its own code failed. */
    GIVEN_UP
  }

  /**
   * Is told once that the body has ended, before the subscriber is, so that who reads on sees it.
   */
  interface Listener {
    void ended(End end, @Nullable Throwable failure);
  }

  private final BodySubscriber<T> subscriber;
  private final Timer timer;
  private final long idleNanos;
  private final String source;
  private final Listener listener;

  private final AtomicInteger inside = new AtomicInteger();
  private final AtomicBoolean ended = new AtomicBoolean();

  /** How many pieces the reader has asked for that have not come. */
  private final AtomicLong demand = new AtomicLong();

  private volatile @Nullable Subscription connection;
  private volatile @Nullable Throwable failure;
  private volatile @Nullable Future<?> alarm;
  private volatile long lastMove;

  /**
   * Makes the body.
   *
   * @param idleNanos how long it may stand still
   * @param source what messages call the place where it comes from
   */
  WatchedBody(
      BodySubscriber<T> subscriber, Timer timer, long idleNanos, String source, Listener listener) {
    this.subscriber = subscriber;
    this.timer = timer;
    this.idleNanos = idleNanos;
    this.source = source;
    this.listener = listener;
    this.lastMove = timer.nanoTime();
  }

  /** Returns why the body was aborted, or null if it was not. */
  @Nullable Throwable failure() {
    return failure;
  }

  /** Ends the body with a failure, unless it has ended. The connection is closed. */
  void abort(Throwable why) {
    abort(why, End.GIVEN_UP);
  }

  private void abort(Throwable why, End end) {
    if (!ended.compareAndSet(false, true)) {
      return;
    }
    failure = why;
    boolean mayTell = inside.getAndIncrement() == 0; // before the connection tells of its own end
    cancelAlarm();
    Subscription source = connection;
    if (source != null) {
      source.cancel();
    }
    listener.ended(end, why);
    if (mayTell) {
      subscriber.onError(why);
    }
  }

  @Override
  public CompletionStage<T> getBody() {
    return subscriber.getBody();
  }

  @Override
  public void onSubscribe(Subscription source) {
    connection = source;
    if (ended.get()) {
      source.cancel();
      return;
    }
    watch(idleNanos);
    subscriber.onSubscribe(this);
  }

  @Override
  public void onNext(List<ByteBuffer> pieces) {
    if (!inside.compareAndSet(0, 1)) {
      return; // aborted
    }
    lastMove = timer.nanoTime();
    if (demand.get() != Long.MAX_VALUE) {
      demand.decrementAndGet();
    }
    try {
      subscriber.onNext(pieces);
    } finally {
      lastMove = timer.nanoTime();
      if (inside.decrementAndGet() != 0) {
        subscriber.onError(Objects.requireNonNull(failure));
      }
    }
  }

  @Override
  public void onError(Throwable why) {
    end(End.BROKEN, why);
    if (inside.getAndIncrement() == 0) {
      subscriber.onError(why);
    }
  }

  @Override
  public void onComplete() {
    end(End.COMPLETE, null);
    if (inside.getAndIncrement() == 0) {
      subscriber.onComplete();
    }
  }

  @Override
  public void request(long pieces) {
    if (pieces > 0) {
      lastMove = timer.nanoTime();
      demand.accumulateAndGet(pieces, (a, b) -> a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b);
    }
    Subscription source = connection;
    if (source != null) {
      source.request(pieces);
    }
  }

  @Override
  public void cancel() {
    Subscription source = connection;
    if (source != null) {
      source.cancel();
    }
    end(End.GIVEN_UP, null);
  }

  private void end(End end, @Nullable Throwable why) {
    if (ended.compareAndSet(false, true)) {
      cancelAlarm();
      listener.ended(end, why);
    }
  }

  private void cancelAlarm() {
    Future<?> watching = alarm;
    if (watching != null) {
      watching.cancel(false);
    }
  }

  private void watch(long nanos) {
    alarm = timer.after(nanos, this::look);
    if (ended.get()) {
      cancelAlarm();
    }
  }

  private void look() {
    long left = idleNanos - (timer.nanoTime() - lastMove);
    if (left > 0) {
      if (!ended.get()) {
        watch(left);
      }
      return;
    }
    boolean unread = demand.get() == 0;
    String time = Duration.ofNanos(idleNanos).toString();
    abort(
        new HttpTimeoutException(
            unread
                ? "body must be read or closed: nobody has read for idleTimeout=" + time + source
                : "body must go on: nothing has come for idleTimeout=" + time + source),
        unread ? End.GIVEN_UP : End.BROKEN);
  }
}
