package dev.bouncer.http;

import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;

/** A client without a network: a test says when which part of a response comes. */
final class ScriptedClient extends HttpClient {
  private static final long MOST = 1_000_000;

  private final ConcurrentLinkedQueue<Exchange<?>> exchanges = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean shutdown = new AtomicBoolean();

  /** All requests that were sent, in their order. */
  List<Exchange<?>> exchanges() {
    return List.copyOf(exchanges);
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler) {
    Exchange<T> exchange = new Exchange<>(request, handler);
    exchanges.add(exchange);
    return exchange;
  }

  /** One request, and what came of it so far. As in the JDK, cancelling closes the connection. */
  static final class Exchange<T> extends CompletableFuture<HttpResponse<T>>
      implements Subscription {
    private final HttpRequest request;
    private final BodyHandler<T> handler;
    private final AtomicLong demand = new AtomicLong();
    private volatile boolean disconnected;
    private volatile boolean read;

    Exchange(HttpRequest request, BodyHandler<T> handler) {
      this.request = request;
      this.handler = handler;
    }

    /**
     * Answers: headers, a body in three pieces, its end. Stops where the connection was closed, or
     * where nobody reads on: then the body stays open.
     */
    void answer(int status) {
      if (disconnected) {
        completeExceptionally(new IOException("closed"));
        return;
      }
      HttpHeaders headers = HttpHeaders.of(Map.of(), (_, _) -> true);
      BodySubscriber<T> body = handler.apply(new Info(status, headers, Version.HTTP_1_1));
      body.getBody()
          .whenComplete((value, failure) -> {
            if (failure == null) {
              complete(new Response<>(status, request, headers, value));
            } else {
              completeExceptionally(failure);
            }
          });
      body.onSubscribe(this);
      for (String piece : List.of("first ", "second ", "third")) {
        if (!disconnected && demand.getAndDecrement() <= 0) {
          return;
        }
        if (!disconnected) {
          body.onNext(List.of(ByteBuffer.wrap(piece.getBytes(StandardCharsets.US_ASCII))));
        }
      }
      if (disconnected) {
        body.onError(new IOException("closed"));
      } else {
        read = true;
        body.onComplete();
      }
    }

    /** Whether the connection is free for another request, or closed. */
    boolean isOver() {
      return disconnected || read;
    }

    @Override
    public void request(long pieces) {
      demand.accumulateAndGet(pieces, (a, b) -> Math.min(a + Math.min(b, MOST), MOST));
    }

    @Override
    public void cancel() {
      disconnected = true;
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      disconnected |= !read;
      return super.cancel(mayInterruptIfRunning);
    }
  }

  private record Info(int statusCode, HttpHeaders headers, Version version)
      implements ResponseInfo {}

  private record Response<T>(int statusCode, HttpRequest request, HttpHeaders headers, T body)
      implements HttpResponse<T> {
    @Override
    public Optional<HttpResponse<T>> previousResponse() {
      return Optional.empty();
    }

    @Override
    public Optional<SSLSession> sslSession() {
      return Optional.empty();
    }

    @Override
    public URI uri() {
      return request.uri();
    }

    @Override
    public Version version() {
      return Version.HTTP_1_1;
    }
  }

  @Override
  public void shutdown() {
    shutdown.set(true);
  }

  @Override
  public void shutdownNow() {
    shutdown();
  }

  @Override
  public boolean isTerminated() {
    return shutdown.get();
  }

  @Override
  public boolean awaitTermination(Duration duration) {
    return isTerminated();
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> pushes) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return Optional.empty();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return Optional.empty();
  }

  @Override
  public Redirect followRedirects() {
    return Redirect.NEVER;
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return Optional.empty();
  }

  @Override
  public SSLContext sslContext() {
    throw new UnsupportedOperationException();
  }

  @Override
  public SSLParameters sslParameters() {
    return new SSLParameters();
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return Optional.empty();
  }

  @Override
  public Version version() {
    return Version.HTTP_1_1;
  }

  @Override
  public Optional<Executor> executor() {
    return Optional.empty();
  }
}
