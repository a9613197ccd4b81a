package dev.bouncer.http;

import dev.bouncer.Limiter;
import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.jspecify.annotations.Nullable;

/**
 * An {@link HttpClient} whose calls wait for permits, so that no server gets more than it allows.
 * It can stand wherever an {@code HttpClient} is asked for.
 *
 * <pre>{@code
 * HttpClient client = LimitedHttpClient.of(HttpClient.newHttpClient(), AsyncSemaphore.of(5));
 * }</pre>
 *
 * <p><b>Permits.</b> A call takes one permit of the limiter of its host, then one of the limiter of
 * all calls. Waiting holds no thread. The permits are given back when the <i>body</i> of the
 * response has ended, whichever way: read to its end, failed, closed early by its reader, cut off
 * by the deadline, or left standing for the {@linkplain Builder#idleTimeout idle timeout}, so that
 * also a body that was forgotten ends. Between two attempts a call holds nothing.
 *
 * <p><b>Outcomes.</b> 429, 503 and timeouts are {@link dev.bouncer.Outcome#DROPPED}; other errors
 * of the server and of the network are {@link dev.bouncer.Outcome#IGNORED}; the rest is {@link
 * dev.bouncer.Outcome#SUCCESS}. Adaptive limiters learn from that.
 *
 * <p><b>{@code Retry-After}</b>, in seconds or as a date, with 429 or 503: no call is sent to that
 * host before its time is over. {@link Builder#maxPause} bounds it; if the server asks for more,
 * the caller gets the response instead of a retry.
 *
 * <p><b>Retries.</b> An attempt is made again, after a backoff with jitter, if its request may be
 * repeated ({@link Builder#retryIf}, by default the idempotent methods) and it failed in the
 * network or with status 408, 429, 500, 502, 503 or 504. The last attempt's response is the
 * caller's, whatever it is. A body that the handler hands out while it arrives ({@code
 * ofInputStream}, {@code ofLines}, {@code ofPublisher}) is not repeated once it was handed out; one
 * that is collected first ({@code ofString}, {@code ofByteArray}, {@code ofFile}) is, and its
 * handler is then applied again. The caller's body publisher must be able to publish again.
 *
 * <p><b>Redirects</b> that the underlying client follows by itself pass no limiter. Give a client
 * that follows none ({@link HttpClient.Redirect#NEVER}, its default) and set {@link
 * Builder#maxRedirects}: then each step is a call to its own host.
 *
 * <p><b>Cancelling</b> the future, completing it by hand or letting it time out, and interrupting
 * {@link #send}, withdraws a call that waits, or stops the exchange and closes its connection; the
 * permits are then back.
 *
 * <p><b>Errors.</b> Futures fail with what the exchange failed with ({@link IOException}s, {@link
 * java.net.http.HttpTimeoutException} also for the deadline and the idle timeout, {@link
 * java.net.ProtocolException} for redirects that lead nowhere) or with what the limiter refused
 * with ({@link dev.bouncer.LimiterClosedException}, {@link dev.bouncer.LimiterFullException});
 * {@link #send} throws the same.
 *
 * <p>Closing this client closes the one underneath, but no limiter. Everything else is that
 * client's; WebSockets are not supported, since they would pass the limiters. Thread-safe.
 */
public final class LimitedHttpClient extends HttpClient {
  private final HttpClient client;
  private final Settings settings;
  private final OpenCalls calls;

  private LimitedHttpClient(HttpClient client, Settings settings) {
    this.client = client;
    this.settings = settings;
    this.calls = new OpenCalls(client);
  }

  /**
   * Puts a limiter in front of a client; everything else is as a {@linkplain #builder builder} has
   * it.
   *
   * @param client sends the requests
   * @param limiter which every attempt needs a permit of
   * @return a client that stays within the limiter
   */
  public static LimitedHttpClient of(HttpClient client, Limiter limiter) {
    return builder(client).limiter(limiter).build();
  }

  /**
   * Starts a description of a client.
   *
   * @param client sends the requests
   * @return a builder without any limiter
   */
  public static Builder builder(HttpClient client) {
    return new Builder(client, Timer.SYSTEM);
  }

  /** For tests, which have a time of their own. */
  static Builder builder(HttpClient client, Timer timer) {
    return new Builder(client, timer);
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler)
      throws IOException, InterruptedException {
    return start(request, handler, null, null).await();
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler) {
    return start(request, handler, null, null);
  }

  /**
   * {@inheritDoc}
   *
   * <p>What the server pushes passes no limiter: it comes on a connection that has its permit.
   */
  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> pushPromiseHandler) {
    return start(request, handler, pushPromiseHandler, null);
  }

  /**
   * Sends a request like {@link #sendAsync(HttpRequest, BodyHandler)} and tells a listener of each
   * attempt that it takes.
   *
   * @param <T> the type of the body
   * @param request the request
   * @param handler what becomes of the body
   * @param listener is told of each attempt of this call when it has ended, on any thread; must not
   *     block
   * @return a future of the response
   */
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, Consumer<? super AttemptEvent> listener) {
    return start(request, handler, null, Objects.requireNonNull(listener, "listener"));
  }

  private <T> LimitedCall<T> start(
      HttpRequest request,
      BodyHandler<T> handler,
      @Nullable PushPromiseHandler<T> pushes,
      @Nullable Consumer<? super AttemptEvent> listener) {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(handler, "handler");
    LimitedCall<T> call =
        new LimitedCall<>(client, settings, request, handler, pushes, listener, calls::remove);
    if (calls.add(call)) {
      call.start();
    } else {
      call.completeExceptionally(
          new IOException("client must be open: it was shut down: uri=" + request.uri()));
    }
    return call;
  }

  /** Refuses new calls; those that were made before run to their end, waiting ones included. */
  @Override
  public void shutdown() {
    calls.shutdown();
  }

  /** Refuses new calls and cancels all others, together with their bodies. */
  @Override
  public void shutdownNow() {
    calls.shutdownNow();
  }

  @Override
  public boolean isTerminated() {
    return calls.isTerminated();
  }

  @Override
  public boolean awaitTermination(Duration duration) throws InterruptedException {
    return calls.awaitTermination(duration);
  }

  /** {@inheritDoc} The limiters stay open. */
  @Override
  public void close() {
    super.close();
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return client.cookieHandler();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return client.connectTimeout();
  }

  @Override
  public Redirect followRedirects() {
    return settings.maxRedirects() > 0 ? Redirect.NORMAL : client.followRedirects();
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return client.proxy();
  }

  @Override
  public SSLContext sslContext() {
    return client.sslContext();
  }

  @Override
  public SSLParameters sslParameters() {
    return client.sslParameters();
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return client.authenticator();
  }

  @Override
  public Version version() {
    return client.version();
  }

  @Override
  public Optional<Executor> executor() {
    return client.executor();
  }

  /** Returns how many calls have not ended, their bodies included, and what they wait for. */
  @Override
  public String toString() {
    return "LimitedHttpClient[calls=%d pausedHosts=%d limiter=%s]"
        .formatted(calls.size(), settings.pauses().size(), settings.whole());
  }

  /** Describes a client. Not thread-safe. */
  public static final class Builder {
    private static final int MOST_REDIRECTS = 1_000;

    private final HttpClient client;
    private final Timer timer;
    private @Nullable Limiter limiter;
    private @Nullable Function<? super String, ? extends Limiter> perHost;
    private int retries = 3;
    private Duration firstBackoff = Duration.ofMillis(500);
    private Duration longestBackoff = Duration.ofSeconds(30);
    private Predicate<? super HttpRequest> retryIf = Retries::isIdempotent;
    private int maxRedirects;
    private Duration maxPause = Duration.ofMinutes(2);
    private Duration idleTimeout = Duration.ofMinutes(1);
    private @Nullable Duration deadline;
    private @Nullable Consumer<? super AttemptEvent> onAttempt;

    private Builder(HttpClient client, Timer timer) {
      this.client = Objects.requireNonNull(client, "client");
      this.timer = timer;
    }

    /**
     * Makes every attempt need a permit of this limiter.
     *
     * @param limiter the limiter of all calls; it stays the caller's to close
     * @return this builder
     */
    public Builder limiter(Limiter limiter) {
      this.limiter = Objects.requireNonNull(limiter, "limiter");
      return this;
    }

    /**
     * Makes every attempt need a permit of its host's limiter, before it asks for the one of all
     * calls.
     *
     * @param limiterOf returns the limiter of a host, the same one each time as long as it is in
     *     use. A host is a name in lower case, with {@code :port} if that is not the usual one of
     *     the scheme.
     * @return this builder
     */
    public Builder perHost(Function<? super String, ? extends Limiter> limiterOf) {
      this.perHost = Objects.requireNonNull(limiterOf, "limiterOf");
      return this;
    }

    /**
     * Sets how often an attempt may be made again. The default is 3.
     *
     * @param retries at least 0; counts anew after a redirect
     * @return this builder
     */
    public Builder retries(int retries) {
      if (retries < 0) {
        throw new IllegalArgumentException("retries must be at least 0: retries=" + retries);
      }
      this.retries = retries;
      return this;
    }

    /**
     * Sets how long a call waits before a retry: about {@code first}, then twice as long each time,
     * but no longer than {@code longest}; each wait is changed at random by up to a half, so that
     * calls that failed together do not come back together. The default is from half a second to
     * half a minute.
     *
     * @param first the first wait, above zero
     * @param longest the longest, above the first
     * @return this builder
     */
    public Builder backoff(Duration first, Duration longest) {
      if (!first.isPositive() || first.compareTo(longest) >= 0) {
        throw new IllegalArgumentException(
            "backoff must be above zero and grow: first=%s longest=%s".formatted(first, longest));
      }
      this.firstBackoff = first;
      this.longestBackoff = longest;
      return this;
    }

    /**
     * Says which requests may be sent again. The default is the idempotent methods of RFC 9110:
     * GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
     *
     * @param repeatable for instance, whether the request has an {@code Idempotency-Key}
     * @return this builder
     */
    public Builder retryIf(Predicate<? super HttpRequest> repeatable) {
      this.retryIf = Objects.requireNonNull(repeatable, "repeatable");
      return this;
    }

    /**
     * Sets how many redirects a call follows, each as a call of its own to its own host: never from
     * HTTPS to HTTP, and credentials are not taken to another host. The default is 0: a redirect is
     * the caller's response.
     *
     * @param redirects from 0 to 1,000
     * @return this builder
     */
    public Builder maxRedirects(int redirects) {
      if (redirects < 0 || redirects > MOST_REDIRECTS) {
        throw new IllegalArgumentException(
            "redirects must be from 0 to " + MOST_REDIRECTS + ": redirects=" + redirects);
      }
      this.maxRedirects = redirects;
      return this;
    }

    /**
     * Sets the longest {@code Retry-After} that is obeyed by waiting. The default is 2 minutes.
     *
     * @param longest above zero
     * @return this builder
     */
    public Builder maxPause(Duration longest) {
      this.maxPause = positive("maxPause", longest);
      return this;
    }

    /**
     * Sets how long a body may stand still, be it that the server sends nothing or that nobody
     * reads. It then fails with an {@link java.net.http.HttpTimeoutException}, and its connection
     * is closed. The default is a minute.
     *
     * @param longest above zero
     * @return this builder
     */
    public Builder idleTimeout(Duration longest) {
      this.idleTimeout = positive("idleTimeout", longest);
      return this;
    }

    /**
     * Sets how long a whole call may take: waiting, attempts, redirects and body. There is no
     * deadline by default. {@link HttpRequest.Builder#timeout} bounds one attempt up to the headers
     * of its response, without the wait for its permits.
     *
     * @param deadline above zero
     * @return this builder
     */
    public Builder deadline(Duration deadline) {
      this.deadline = positive("deadline", deadline);
      return this;
    }

    /**
     * Sets a listener that is told of every attempt when it has ended.
     *
     * @param listener is called on any thread, also on several at once; must not block
     * @return this builder
     */
    public Builder onAttempt(Consumer<? super AttemptEvent> listener) {
      this.onAttempt = Objects.requireNonNull(listener, "listener");
      return this;
    }

    private static Duration positive(String name, Duration duration) {
      if (!duration.isPositive()) {
        throw new IllegalArgumentException(name + " must be above zero: " + name + "=" + duration);
      }
      return duration;
    }

    /**
     * Makes the client.
     *
     * @return the client
     * @throws IllegalArgumentException if both this and the underlying client follow redirects
     */
    public LimitedHttpClient build() {
      if (maxRedirects > 0 && client.followRedirects() != Redirect.NEVER) {
        throw new IllegalArgumentException(
            "client must not follow redirects by itself when maxRedirects is set:"
                + " followRedirects="
                + client.followRedirects());
      }
      Duration limit = deadline;
      return new LimitedHttpClient(
          client,
          new Settings(
              limiter,
              perHost,
              timer,
              new HostPauses(timer),
              new Retries(retries, firstBackoff, longestBackoff, timer),
              retryIf,
              maxRedirects,
              Timer.toNanos(maxPause),
              Timer.toNanos(idleTimeout),
              limit == null ? null : Timer.toNanos(limit),
              onAttempt));
    }
  }
}
