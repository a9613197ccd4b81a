package dev.bouncer.http;

import java.io.IOException;
import java.net.ProtocolException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One call as its user sees it: attempts and redirects, one after the other, within one deadline.
 *
 * <p>The future is this object. Whoever completes it by hand, cancels it or lets it time out has
 * abandoned the call: what it is doing at that moment is stopped. The call is over when the future
 * is done and the body, if the user got one, has ended.
 */
final class LimitedCall<T> extends CompletableFuture<HttpResponse<T>> {
  private final HttpClient client;
  private final Settings settings;
  private final HttpRequest request;
  private final BodyHandler<T> handler;
  private final @Nullable PushPromiseHandler<T> pushes;
  private final @Nullable Consumer<? super AttemptEvent> listener;
  private final Consumer<? super LimitedCall<?>> whenOver;

  private final AtomicInteger attempts = new AtomicInteger();
  private final AtomicInteger redirects = new AtomicInteger();
  private final AtomicBoolean over = new AtomicBoolean();
  private volatile @Nullable Future<?> upstream;
  private volatile @Nullable Attempt<T> current;
  private volatile @Nullable Future<?> alarm;
  private volatile @Nullable WatchedBody<T> body;
  private volatile boolean bodyEnded;

  LimitedCall(
      HttpClient client,
      Settings settings,
      HttpRequest request,
      BodyHandler<T> handler,
      @Nullable PushPromiseHandler<T> pushes,
      @Nullable Consumer<? super AttemptEvent> listener,
      Consumer<? super LimitedCall<?>> whenOver) {
    this.client = client;
    this.settings = settings;
    this.request = request;
    this.handler = handler;
    this.pushes = pushes;
    this.listener = listener;
    this.whenOver = whenOver;
  }

  void start() {
    Long deadline = settings.deadlineNanos();
    if (deadline != null) {
      alarm = settings.timer().after(deadline, () -> expire(deadline));
    }
    var _ = whenComplete((_, failure) -> completed(failure));
    go(request);
  }

  /** Waits for the response; being interrupted stops the call. */
  HttpResponse<T> await() throws IOException, InterruptedException {
    try {
      return get();
    } catch (InterruptedException interrupted) {
      stop(new CancellationException("interrupted"));
      throw interrupted;
    } catch (CancellationException closed) {
      throw new IOException("call was cancelled: the client was shut down: uri=" + request.uri());
    } catch (ExecutionException failed) {
      switch (failed.getCause()) {
        case IOException failure -> throw failure;
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        case null, default -> throw new IOException(failed.getCause());
      }
    }
  }

  /** Cancels the call, or cuts off its body if there is a response already. */
  void stop(Throwable why) {
    if (!cancel(true)) {
      abortBody(why);
    }
  }

  private void go(HttpRequest next) {
    CompletableFuture<?> loop =
        settings.retries().run(anotherMayFollow -> attempt(next, anotherMayFollow));
    upstream = loop;
    if (isDone()) {
      loop.cancel(true);
    }
  }

  private CompletableFuture<Attempt.Answer<T>> attempt(HttpRequest next, boolean anotherMayFollow) {
    Attempt<T> attempt;
    try {
      attempt = new Attempt<>(this, next, attempts.incrementAndGet(), anotherMayFollow);
    } catch (RuntimeException | Error wrong) { // of the functions that the user gave
      completeExceptionally(wrong);
      return CompletableFuture.completedFuture(new Attempt.Failed<>(wrong, false));
    }
    current = attempt;
    if (isDone()) { // nothing is to be sent any more
      attempt.cancel(true);
    }
    attempt.begin();
    return attempt;
  }

  /** Goes on with what an attempt came to, if that attempt is not to be repeated. */
  void react(Attempt.Answer<T> answer) {
    switch (answer) {
      case Attempt.Delivered<T>(HttpResponse<T> response) -> {
        if (!complete(response)) {
          abortBody(new CancellationException()); // abandoned: nobody will read or close it
        }
      }
      case Attempt.Redirected<T>(HttpRequest next) -> {
        if (redirects.getAndIncrement() < settings.maxRedirects()) {
          go(next);
        } else {
          completeExceptionally(
              new ProtocolException(
                  "redirects must be at most maxRedirects=%d: uri=%s next=%s"
                      .formatted(settings.maxRedirects(), request.uri(), next.uri())));
        }
      }
      case Attempt.Failed<T>(Throwable failure, _) -> completeExceptionally(failure);
      case Attempt.Refused<T>(int status) ->
          completeExceptionally(new IOException("call was refused: status=" + status));
    }
  }

  private void expire(long deadlineNanos) {
    HttpTimeoutException why =
        new HttpTimeoutException(
            "call must end within its deadline: deadline=%s attempts=%d uri=%s"
                .formatted(Duration.ofNanos(deadlineNanos), attempts.get(), request.uri()));
    completeExceptionally(why);
    abortBody(why);
  }

  /** Ends a body that the user has or would have got. */
  private void abortBody(Throwable why) {
    WatchedBody<T> streaming = body;
    if (streaming != null) {
      streaming.abort(why);
    }
  }

  private void completed(@Nullable Throwable failure) {
    if (failure != null || bodyEnded || body == null) {
      // The attempt itself first: the loop would cancel it under its own lock. After the regular
      // end both do nothing.
      cancel(current);
      cancel(upstream);
      end();
    }
  }

  private static void cancel(@Nullable Future<?> doing) {
    if (doing != null) {
      doing.cancel(true);
    }
  }

  private void end() {
    if (over.compareAndSet(false, true)) {
      Future<?> deadline = alarm;
      if (deadline != null) {
        deadline.cancel(false);
      }
      whenOver.accept(this);
    }
  }

  // What its attempts need.

  Settings settings() {
    return settings;
  }

  BodyHandler<T> handler() {
    return handler;
  }

  CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest next, BodyHandler<T> watching) {
    return pushes == null
        ? client.sendAsync(next, watching)
        : client.sendAsync(next, watching, pushes);
  }

  /** The user will get this body. */
  void deliver(WatchedBody<T> next) {
    bodyEnded = false;
    body = next;
  }

  /** The body that was last delivered has ended. */
  void bodyEnded() {
    bodyEnded = true;
    if (isDone()) {
      end();
    }
  }

  void attemptEnded(AttemptEvent event) {
    tell(settings.onAttempt(), event);
    tell(listener, event);
  }

  /** What a listener throws is its own affair: it goes where uncaught exceptions go. */
  private static void tell(@Nullable Consumer<? super AttemptEvent> listener, AttemptEvent event) {
    if (listener == null) {
      return;
    }
    try {
      listener.accept(event);
    } catch (RuntimeException | Error thrown) {
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
    }
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }
}
