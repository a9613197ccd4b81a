package dev.bouncer.http;

import dev.bouncer.Limiter;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * One attempt of a call: waits for the end of the host's pause, then for its permits, sends the
 * request, and gives the permits back when the body has ended.
 *
 * <p>While it waits for a pause it holds no permit; a pause that begins while it waits for permits
 * is waited for, too. The permits are the host's first, then the one of all calls, so that a call
 * that waits for a busy host keeps no other host's call waiting.
 *
 * <p>The future is this object. It completes when the user's body is there, as the body handler
 * decides, and never exceptionally but by {@code cancel}, which is passed on to whatever the
 * attempt waits for: {@code upstream} is written before {@code isDone()} is looked at, and {@code
 * cancel} completes the future before it reads {@code upstream}, so one of the two always sees the
 * other.
 */
final class Attempt<T> extends CompletableFuture<Attempt.Answer<T>> {
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int SERVICE_UNAVAILABLE = 503;
  private static final int SERVER_ERRORS = 500;

  private final LimitedCall<T> call;
  private final HttpRequest request;
  private final int number;
  private final boolean anotherMayFollow;
  private final String host;
  private final List<Limiter> limiters;
  private final long start;

  /** Written by one step after the other, each of which the last one started. */
  private final List<Permit> permits = new ArrayList<>(2);

  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile @Nullable Future<?> upstream;
  private volatile OptionalLong sentAt = OptionalLong.empty();
  private volatile @Nullable Future<?> exchange;
  private volatile @Nullable Reaction<T> reaction;

  Attempt(LimitedCall<T> call, HttpRequest request, int number, boolean anotherMayFollow) {
    this.call = call;
    this.request = request;
    this.number = number;
    this.anotherMayFollow = anotherMayFollow && call.settings().retryIf().test(request);
    this.host = Hosts.key(request.uri());
    this.limiters = call.settings().limitersFor(host);
    this.start = call.settings().timer().nanoTime();
  }

  /** Waits for the end of the pause, then stands in line. */
  void begin() {
    CompletableFuture<Void> pause = call.settings().pauses().end(host);
    if (pause == null) {
      acquire(0);
      return;
    }
    waitForEndOf(pause);
  }

  private void waitForEndOf(CompletableFuture<Void> pause) {
    follow(pause);
    var _ =
        pause.whenComplete((_, _) -> {
          if (isDone()) {
            withdrawn(new CancellationException());
          } else {
            begin();
          }
        });
  }

  /** Ends the attempt before anything was sent. */
  private void withdrawn(Throwable why) {
    end(Outcome.UNUSED, why, false);
    settle(new Failed<>(why, false));
  }

  private void acquire(int next) {
    if (next == limiters.size()) {
      send();
      return;
    }
    CompletableFuture<Permit> request;
    try {
      request = limiters.get(next).acquireAsync();
    } catch (RuntimeException | Error wrong) {
      withdrawn(wrong);
      return;
    }
    follow(request);
    var _ =
        request.whenComplete((permit, failure) -> {
          if (permit == null) {
            withdrawn(cause(Objects.requireNonNull(failure)));
            return;
          }
          permits.add(permit);
          acquire(next + 1);
        });
  }

  private void send() {
    CompletableFuture<Void> pause = call.settings().pauses().end(host);
    if (pause != null) { // it began while this stood in line
      giveBack(Outcome.UNUSED);
      permits.clear();
      waitForEndOf(pause);
      return;
    }
    if (isDone()) { // cancelled after the grant
      withdrawn(new CancellationException());
      return;
    }
    sentAt = OptionalLong.of(call.settings().timer().nanoTime());
    CompletableFuture<HttpResponse<T>> response;
    try {
      response = call.sendAsync(request, this::subscriber);
    } catch (RuntimeException | Error wrong) {
      failed(wrong);
      return;
    }
    exchange = response;
    follow(response);
    var _ =
        response.whenComplete((received, failure) -> {
          if (failure == null) {
            delivered(received);
          } else {
            failed(cause(failure));
          }
        });
  }

  /** Decides what becomes of the response as soon as its headers are here. */
  private BodySubscriber<T> subscriber(ResponseInfo info) {
    Reaction<T> decided = reactionTo(info);
    reaction = decided;
    BodySubscriber<T> subscriber =
        decided.answer() == null ? call.handler().apply(info) : new DiscardedBody<>();
    WatchedBody<T> body =
        new WatchedBody<>(
            subscriber,
            call.settings().timer(),
            call.settings().idleNanos(),
            " uri=" + request.uri(),
            (end, failure) -> bodyEnded(decided, end, failure));
    decided.began(body);
    if (decided.answer() == null) {
      call.deliver(body);
    }
    if (isDone()) { // cancelled before the body could be seen
      body.abort(new CancellationException());
    }
    return body;
  }

  private Reaction<T> reactionTo(ResponseInfo info) {
    int status = info.statusCode();
    boolean refused = status == TOO_MANY_REQUESTS || status == SERVICE_UNAVAILABLE;
    Outcome outcome =
        refused ? Outcome.DROPPED : status >= SERVER_ERRORS ? Outcome.IGNORED : Outcome.SUCCESS;
    Settings settings = call.settings();
    boolean worthWaiting = true;
    if (refused) {
      Optional<Duration> wait = RetryAfter.of(info.headers(), settings.timer().now());
      if (wait.isPresent()) {
        long nanos = Timer.toNanos(wait.get());
        worthWaiting = nanos <= settings.maxPauseNanos();
        settings.pauses().pause(host, Math.min(nanos, settings.maxPauseNanos()));
      }
    }
    if (anotherMayFollow && worthWaiting && Retries.isTransient(status)) {
      return new Reaction<>(status, outcome, new Refused<>(status));
    }
    if (settings.maxRedirects() > 0) {
      try {
        Optional<HttpRequest> next = Redirects.next(request, info);
        if (next.isPresent()) {
          return new Reaction<>(status, outcome, new Redirected<>(next.get()));
        }
      } catch (IOException invalid) {
        return new Reaction<>(status, outcome, new Failed<>(invalid, false));
      }
    }
    return new Reaction<>(status, outcome, null);
  }

  private void bodyEnded(Reaction<T> decided, WatchedBody.End end, @Nullable Throwable failure) {
    decided.ended(end);
    boolean repeated = decided.answer() != null && decided.answer().isToBeRepeated();
    end(outcomeOf(decided, end, failure), failure, repeated);
    if (decided.answer() == null) {
      call.bodyEnded();
    }
  }

  private void delivered(HttpResponse<T> response) {
    Reaction<T> decided = Objects.requireNonNull(reaction);
    Answer<T> answer = decided.answer();
    boolean wanted = settle(answer != null ? answer : new Delivered<>(response));
    WatchedBody<T> body = decided.body();
    if (!wanted && body != null) {
      body.abort(new CancellationException()); // nobody will ever read or close it
    }
  }

  private void failed(Throwable seen) {
    if (seen instanceof CancellationException && isDone()) {
      return; // stop() ends the attempt when the exchange has really stopped
    }
    Reaction<T> decided = reaction;
    WatchedBody<T> body = decided == null ? null : decided.body();
    Throwable aborted = body == null ? null : body.failure();
    Throwable why = aborted == null ? seen : aborted; // the connection only saw that it was closed
    // A body handler that cannot store what it got will not be able to a second time.
    WatchedBody.End end =
        decided == null || body == null
            ? WatchedBody.End.BROKEN
            : Objects.requireNonNullElse(decided.bodyEnd(), WatchedBody.End.GIVEN_UP);
    boolean repeat =
        anotherMayFollow && end == WatchedBody.End.BROKEN && Retries.isTransient(why) && !isDone();
    if (body != null) {
      body.abort(why);
    }
    end(outcomeOf(decided, end, why), why, repeat);
    settle(new Failed<>(why, repeat));
  }

  /** What the headers said of the limit; if they said nothing, how it went on from there. */
  private static Outcome outcomeOf(
      @Nullable Reaction<?> decided, WatchedBody.End end, @Nullable Throwable failure) {
    if (decided != null && decided.outcome() != Outcome.SUCCESS) {
      return decided.outcome();
    }
    if (end == WatchedBody.End.COMPLETE) {
      return Outcome.SUCCESS;
    }
    return end == WatchedBody.End.BROKEN && failure instanceof HttpTimeoutException
        ? Outcome.DROPPED
        : Outcome.IGNORED;
  }

  /** Gives the permits back and tells the listeners, once. */
  private void end(Outcome outcome, @Nullable Throwable failure, boolean repeated) {
    if (!ended.compareAndSet(false, true)) {
      return;
    }
    long now = call.settings().timer().nanoTime();
    long began = sentAt.orElse(now);
    giveBack(outcome);
    Reaction<T> decided = reaction;
    call.attemptEnded(
        new AttemptEvent(
            request.method(),
            request.uri(),
            host,
            number,
            Duration.ofNanos(began - start),
            Duration.ofNanos(now - began),
            decided == null ? OptionalInt.empty() : OptionalInt.of(decided.status()),
            outcome,
            Optional.ofNullable(failure),
            repeated));
  }

  private void giveBack(Outcome outcome) {
    for (Permit permit : permits.reversed()) {
      permit.close(outcome);
    }
  }

  /**
   * Completes this, which lets the loop decide, and then tells the call. Not the other way round,
   * and not through the loop's future: that completes under a lock of the loop, where no code of
   * users may run.
   */
  private boolean settle(Answer<T> answer) {
    boolean settled = complete(answer);
    if (settled && !answer.isToBeRepeated()) {
      call.react(answer);
    }
    return settled;
  }

  private void follow(Future<?> next) {
    upstream = next;
    if (isDone()) {
      stop(next);
    }
  }

  private void stop(Future<?> next) {
    next.cancel(true);
    if (next == exchange) {
      Reaction<T> decided = reaction;
      WatchedBody<T> body = decided == null ? null : decided.body();
      CancellationException why = new CancellationException();
      if (body != null) {
        body.abort(why);
      }
      end(Outcome.IGNORED, why, false);
    }
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    Future<?> waitsFor = upstream;
    if (cancelled && waitsFor != null) {
      stop(waitsFor);
    }
    return cancelled;
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException wrapper && wrapper.getCause() != null
        ? wrapper.getCause()
        : failure;
  }

  /** What an attempt came to. */
  sealed interface Answer<T> {

    /** Whether the attempt should be made again. */
    default boolean isToBeRepeated() {
      return false;
    }
  }

  /** The user gets this response. */
  record Delivered<T>(HttpResponse<T> response) implements Answer<T> {}

  /** The server said to come back later, and there is another attempt left. */
  record Refused<T>(int status) implements Answer<T> {
    @Override
    public boolean isToBeRepeated() {
      return true;
    }
  }

  /** The server sent the call elsewhere. */
  record Redirected<T>(HttpRequest next) implements Answer<T> {}

  /** There is no response. */
  record Failed<T>(Throwable failure, boolean isToBeRepeated) implements Answer<T> {}
}
