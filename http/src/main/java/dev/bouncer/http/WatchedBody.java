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
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A body on its way to the user's subscriber, watched so that its end is never missed: complete,
 * failed, cancelled by its reader, aborted from outside, or standing still for too long.
 *
 * <p>Everything passes through unchanged, but the subscriber gets its signals as it may expect
 * them: first the subscription, then one after the other, then one end. The connection's own
 * signals may break off in the middle of another, and an abort may come from any thread at any
 * time; so {@code signals} counts who is with the subscriber. Whoever brings the end tells it if
 * nobody is there, and leaves that to the last one on the way out otherwise.
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

  /** The last signal that the subscriber gets: complete, or failed with this. */
  private record Signal(@Nullable Throwable failure) {}

  private final BodySubscriber<T> subscriber;
  private final Timer timer;
  private final long idleNanos;
  private final String source;
  private final Listener listener;

  /** What {@link #signals} is raised by when the end has come: nobody enters any more. */
  private static final int OVER = 1 << 30;

  private final AtomicInteger signals = new AtomicInteger();
  private final AtomicReference<@Nullable Signal> last = new AtomicReference<>();
  private boolean subscribed; // written by who is with the subscriber
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
    boolean mine = last.compareAndSet(null, new Signal(why)); // before the connection ends by this
    cancelAlarm();
    Subscription source = connection;
    if (source != null) {
      source.cancel();
    }
    listener.ended(end, why);
    if (mine) {
      bringEnd();
    }
  }

  /** Returns whether a signal may go to the subscriber: the end has not come. */
  private boolean enter() {
    return signals.getAndUpdate(count -> count < OVER ? count + 1 : count) < OVER;
  }

  private void leave() {
    if (signals.decrementAndGet() == OVER) {
      tellEnd();
    }
  }

  /** Lets the subscriber know the last signal; called once. */
  private void bringEnd() {
    if (signals.getAndAdd(OVER) == 0) {
      tellEnd();
    }
  }

  private void tellEnd() {
    Throwable why = Objects.requireNonNull(last.get()).failure();
    if (why == null) {
      subscriber.onComplete();
      return;
    }
    if (!subscribed) {
      subscriber.onSubscribe(this); // it may count on that
    }
    subscriber.onError(why);
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
    }
    if (!enter()) {
      return;
    }
    try {
      watch(idleNanos);
      subscribed = true;
      subscriber.onSubscribe(this);
    } finally {
      leave();
    }
  }

  @Override
  public void onNext(List<ByteBuffer> pieces) {
    if (!enter()) {
      return;
    }
    lastMove = timer.nanoTime();
    demand.decrementAndGet();
    try {
      subscriber.onNext(pieces);
    } finally {
      lastMove = timer.nanoTime();
      leave();
    }
  }

  @Override
  public void onError(Throwable why) {
    connectionEnded(End.BROKEN, why);
  }

  @Override
  public void onComplete() {
    connectionEnded(End.COMPLETE, null);
  }

  private void connectionEnded(End end, @Nullable Throwable why) {
    end(end, why);
    if (last.compareAndSet(null, new Signal(why))) {
      bringEnd();
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
      watch(left);
      return;
    }
    boolean unread = demand.get() == 0 || signals.get() != 0; // or the reader is stuck
    String time = Duration.ofNanos(idleNanos).toString();
    abort(
        new HttpTimeoutException(
            unread
                ? "body must be read or closed: nobody has read for idleTimeout=" + time + source
                : "body must go on: nothing has come for idleTimeout=" + time + source),
        unread ? End.GIVEN_UP : End.BROKEN);
  }
}
