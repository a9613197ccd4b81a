package dev.bouncer.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import dev.bouncer.AsyncSemaphore;
import dev.bouncer.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Retries, {@code Retry-After}, redirects, and what limiters are told. */
@Timeout(120)
final class RepeatedCallsTest {
  private final HttpClient plain = HttpClient.newHttpClient();
  private final ManualTimer timer = new ManualTimer();
  private final OutcomeRecorder limiter = new OutcomeRecorder(AsyncSemaphore.of(1));
  private final ConcurrentLinkedQueue<AttemptEvent> events = new ConcurrentLinkedQueue<>();
  private final AtomicInteger calls = new AtomicInteger();

  /** What the server does with each call; the number counts from 1. */
  private interface Script {
    void play(int call, HttpExchange exchange, TestServer server) throws IOException;
  }

  private TestServer server(Script script) throws IOException {
    TestServer[] self = new TestServer[1];
    self[0] = new TestServer(exchange -> script.play(calls.incrementAndGet(), exchange, self[0]));
    return self[0];
  }

  private LimitedHttpClient.Builder patient() {
    return LimitedHttpClient.builder(plain, timer).limiter(limiter).onAttempt(events::add);
  }

  private LimitedHttpClient.Builder quick() {
    return LimitedHttpClient.builder(plain)
        .limiter(limiter)
        .backoff(Duration.ofMillis(1), Duration.ofMillis(2))
        .onAttempt(events::add);
  }

  private static HttpRequest get(URI uri) {
    return HttpRequest.newBuilder(uri).build();
  }

  @AfterEach
  void end() {
    plain.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 500, 502, 503, 504})
  void transientStatus_isRepeated(int status) throws Exception {
    try (TestServer server =
        server((call, e, s) -> s.answer(e, call < 3 ? status : 200, "body " + call))) {
      HttpResponse<String> response =
          quick().build().send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals("body 3", response.body());
      assertEquals(3, calls.get());
      assertEquals(
          List.of(OptionalInt.of(status), OptionalInt.of(status), OptionalInt.of(200)),
          events.stream().map(AttemptEvent::status).toList());
      assertEquals(
          List.of(true, true, false), events.stream().map(AttemptEvent::repeated).toList());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 401, 404, 501})
  void otherStatus_isTheCallersAtOnce(int status) throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, status, "why"))) {
      HttpResponse<String> response =
          quick().build().send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals(status, response.statusCode());
      assertEquals("why", response.body());
      assertEquals(1, calls.get());
    }
  }

  @Test
  void retriesUsedUp_callerGetsTheLastResponse() throws Exception {
    try (TestServer server = server((call, e, s) -> s.answer(e, 503, "refusal " + call))) {
      HttpResponse<String> response =
          quick().retries(2).build().send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals(503, response.statusCode());
      assertEquals("refusal 3", response.body());
      assertEquals(List.of(Outcome.DROPPED, Outcome.DROPPED, Outcome.DROPPED), limiter.outcomes());
    }
  }

  @Test
  void post_isNotRepeated_unlessTold() throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, 503, ""))) {
      HttpRequest post =
          HttpRequest.newBuilder(server.uri("/"))
              .header("Idempotency-Key", "7")
              .POST(BodyPublishers.ofString("order"))
              .build();
      quick().build().send(post, BodyHandlers.discarding());
      assertEquals(1, calls.get());
      quick()
          .retryIf(request -> request.headers().firstValue("Idempotency-Key").isPresent())
          .retries(1)
          .build()
          .send(post, BodyHandlers.discarding());
      assertEquals(3, calls.get());
    }
  }

  @Test
  void bodyCutShort_isRepeatedWhileItIsCollected() throws Exception {
    try (TestServer server =
        server((call, e, s) -> {
          if (call == 1) {
            e.sendResponseHeaders(200, 100);
            e.getResponseBody().write(new byte[10]);
            e.getResponseBody().flush();
            throw new IOException("cut");
          }
          s.answer(e, 200, "whole");
        })) {
      assertEquals(
          "whole", quick().build().send(get(server.uri("/")), BodyHandlers.ofString()).body());
      assertEquals(List.of(Outcome.IGNORED, Outcome.SUCCESS), limiter.outcomes());
      AttemptEvent first = events.peek();
      assertTrue(first.repeated() || first.failure().isPresent(), first::toString);
    }
  }

  @Test
  void failureOfTheBodyHandler_isNotRepeated() throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, 200, "body"))) {
      UncheckedIOException full = new UncheckedIOException(new IOException("disk full"));
      Exception thrown =
          assertThrows(
              Exception.class,
              () -> quick().build().send(get(server.uri("/")), _ -> new FailingBody(full)));
      assertTrue(thrown.toString().contains("disk full"), thrown::toString);
      assertEquals(1, calls.get());
      assertEquals(List.of(Outcome.IGNORED), limiter.outcomes());
    }
  }

  /** Cannot store what it gets. */
  private static final class FailingBody implements HttpResponse.BodySubscriber<String> {
    private final CompletableFuture<String> body = new CompletableFuture<>();
    private final RuntimeException failure;
    private Flow.Subscription source;

    FailingBody(RuntimeException failure) {
      this.failure = failure;
    }

    @Override
    public CompletableFuture<String> getBody() {
      return body;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      source = subscription;
      subscription.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
      source.cancel();
      body.completeExceptionally(new IOException(failure.getCause()));
    }

    @Override
    public void onError(Throwable unexpected) {
      body.completeExceptionally(unexpected);
    }

    @Override
    public void onComplete() {}
  }

  @Test
  void connectionRefused_isRepeated_andTheLastFailureIsTheCallers() {
    assertThrows(
        IOException.class,
        () ->
            quick()
                .retries(2)
                .build()
                .send(get(URI.create("http://127.0.0.1:1/")), BodyHandlers.discarding()));
    assertEquals(3, events.size());
  }

  @Test
  void unknownHost_isNotRepeated() {
    assertThrows(
        IOException.class,
        () ->
            quick()
                .build()
                .send(get(URI.create("http://no-such-host.invalid/")), BodyHandlers.discarding()));
    assertEquals(1, events.size());
  }

  @Test
  void betweenTwoAttempts_aCallHoldsNothing_andCancelStopsIt() throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, 503, ""))) {
      CompletableFuture<?> call =
          patient().build().sendAsync(get(server.uri("/")), BodyHandlers.discarding());
      Await.until("it waits for its retry", () -> events.size() == 1 && timer.alarms() == 1);
      assertEquals(0, limiter.stats().inUse());
      assertTrue(call.cancel(true));
      assertEquals(0, timer.alarms());
      timer.advance(Duration.ofMinutes(5));
      assertEquals(1, calls.get());
    }
  }

  @Test
  void backoff_growsAndStaysWithinItsBounds() throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, 503, ""))) {
      CompletableFuture<?> call =
          patient()
              .backoff(Duration.ofSeconds(10), Duration.ofSeconds(20))
              .retries(2)
              .build()
              .sendAsync(get(server.uri("/")), BodyHandlers.discarding());
      Await.until("it waits", () -> timer.alarms() == 1 && events.size() == 1);
      timer.advance(Duration.ofMillis(4_999)); // 10 s, less a half at most
      assertEquals(1, calls.get());
      timer.advance(Duration.ofMillis(10_001)); // 10 s, more by a half at most
      Await.until("it waits again", () -> timer.alarms() == 1 && events.size() == 2);
      timer.advance(Duration.ofMillis(9_999));
      assertEquals(2, calls.get());
      timer.advance(Duration.ofMillis(20_001));
      call.get(60, TimeUnit.SECONDS);
      assertEquals(3, calls.get());
    }
  }

  @Test
  void retryAfter_pausesTheHostAndNoOther() throws Exception {
    try (TestServer server =
        server((call, e, s) -> {
          if (call == 1) {
            e.getResponseHeaders().add("Retry-After", "60");
          }
          s.answer(e, call == 1 ? 429 : 200, "");
        })) {
      LimitedHttpClient client =
          patient().backoff(Duration.ofMillis(1), Duration.ofMillis(2)).build();
      CompletableFuture<HttpResponse<Void>> first =
          client.sendAsync(get(server.uri("/first")), BodyHandlers.discarding());
      Await.until("it was refused", () -> events.size() == 1);
      CompletableFuture<HttpResponse<Void>> second =
          client.sendAsync(get(server.uri("/second")), BodyHandlers.discarding());
      assertEquals(
          200,
          client
              .send(get(server.uri("localhost", "/other")), BodyHandlers.discarding())
              .statusCode());
      Await.until(
          "the retry waits for the end of the pause",
          () -> {
            timer.advance(Duration.ofMillis(1));
            return timer.alarms() == 1;
          });
      assertEquals(0, limiter.stats().inUse());
      assertEquals(2, calls.get());
      timer.advance(Duration.ofSeconds(60));
      assertEquals(200, first.get(60, TimeUnit.SECONDS).statusCode());
      assertEquals(200, second.get(60, TimeUnit.SECONDS).statusCode());
      assertEquals(4, calls.get());
    }
  }

  @Test
  void retryAfterBeyondTheBound_isNotWaitedFor() throws Exception {
    try (TestServer server =
        server((call, e, s) -> {
          e.getResponseHeaders().add("Retry-After", "86400");
          s.answer(e, call == 1 ? 429 : 200, "tomorrow");
        })) {
      LimitedHttpClient client = patient().maxPause(Duration.ofSeconds(10)).build();
      HttpResponse<String> refused = client.send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals(429, refused.statusCode());
      assertEquals("tomorrow", refused.body());
      CompletableFuture<HttpResponse<String>> next =
          client.sendAsync(get(server.uri("/")), BodyHandlers.ofString());
      assertFalse(next.isDone());
      timer.advance(Duration.ofSeconds(10));
      assertEquals(200, next.get(60, TimeUnit.SECONDS).statusCode());
    }
  }

  @Test
  void callCancelledInAPause_neverGoesOut() throws Exception {
    try (TestServer server =
        server((_, e, s) -> {
          e.getResponseHeaders().add("Retry-After", "60");
          s.answer(e, 429, "");
        })) {
      LimitedHttpClient client = patient().retries(0).build();
      client.send(get(server.uri("/")), BodyHandlers.discarding());
      CompletableFuture<?> waiting =
          client.sendAsync(get(server.uri("/")), BodyHandlers.discarding());
      assertTrue(waiting.cancel(true));
      timer.advance(Duration.ofSeconds(61));
      assertEquals(1, calls.get());
      assertEquals(0, limiter.stats().inUse());
    }
  }

  @Test
  void outcomes_areWhatTheAnswersSayAboutTheLimit() throws Exception {
    int[] statuses = {200, 404, 429, 503, 500};
    try (TestServer server = server((call, e, s) -> s.answer(e, statuses[call - 1], "x"))) {
      LimitedHttpClient client = patient().retries(0).build();
      for (int _ : statuses) {
        client.send(get(server.uri("/")), BodyHandlers.ofString());
      }
      assertEquals(
          List.of(
              Outcome.SUCCESS, Outcome.SUCCESS, Outcome.DROPPED, Outcome.DROPPED, Outcome.IGNORED),
          limiter.outcomes());
    }
  }

  @Test
  void timeout_isDropped() throws Exception {
    try (RawServer silent = new RawServer(socket -> socket.getInputStream().readAllBytes())) {
      LimitedHttpClient client = patient().retries(0).build();
      HttpRequest request =
          HttpRequest.newBuilder(silent.uri()).timeout(Duration.ofMillis(1)).build();
      assertThrows(IOException.class, () -> client.send(request, BodyHandlers.discarding()));
      assertEquals(List.of(Outcome.DROPPED), limiter.outcomes());
    }
  }

  @Test
  void redirects_eachTakeAPermitOfTheirHost() throws Exception {
    try (TestServer server =
        server((call, e, s) -> {
          switch (call) {
            case 1 -> {
              e.getResponseHeaders().add("Location", "/next?x=1");
              s.answer(e, 302, "moved");
            }
            case 2 -> {
              e.getResponseHeaders().add("Location", s.uri("localhost", "/elsewhere").toString());
              s.answer(e, 307, "moved");
            }
            default -> s.answer(e, 200, "here");
          }
        })) {
      ConcurrentLinkedQueue<String> hosts = new ConcurrentLinkedQueue<>();
      AsyncSemaphore any = AsyncSemaphore.of(1);
      LimitedHttpClient client =
          quick()
              .maxRedirects(5)
              .perHost(host -> {
                hosts.add(host);
                return any;
              })
              .build();
      HttpResponse<String> response = client.send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals("here", response.body());
      assertEquals(server.uri("localhost", "/elsewhere"), response.uri());
      assertEquals(List.of("GET /", "GET /next?x=1", "GET /elsewhere"), server.seen());
      assertEquals(3, hosts.size());
      assertEquals(3, limiter.outcomes().size());
      assertEquals(List.of(1, 2, 3), events.stream().map(AttemptEvent::number).toList());
    }
  }

  @Test
  void redirectsWithoutEnd_failAtTheBound() throws Exception {
    try (TestServer server =
        server((call, e, s) -> {
          e.getResponseHeaders().add("Location", "/" + call);
          s.answer(e, 301, "");
        })) {
      ProtocolException failure =
          assertThrows(
              ProtocolException.class,
              () ->
                  quick()
                      .maxRedirects(10)
                      .build()
                      .send(get(server.uri("/")), BodyHandlers.ofString()));
      assertTrue(
          failure.getMessage().startsWith("redirects must be at most maxRedirects=10"),
          failure::toString);
      assertEquals(11, calls.get());
      assertEquals(0, limiter.stats().inUse());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ftp://127.0.0.1/", "http://", "mailto:me", "http://a b/", "::"})
  void redirectToNoAddress_fails(String location) throws Exception {
    try (TestServer server =
        server((_, e, s) -> {
          e.getResponseHeaders().add("Location", location);
          s.answer(e, 302, "");
        })) {
      ProtocolException failure =
          assertThrows(
              ProtocolException.class,
              () ->
                  quick()
                      .maxRedirects(10)
                      .build()
                      .send(get(server.uri("/")), BodyHandlers.ofString()));
      assertTrue(failure.getMessage().contains("location=" + location), failure::toString);
    }
  }

  @Test
  void secrets_stayWithTheHostTheyAreMeantFor() throws Exception {
    ConcurrentLinkedQueue<String> authorizations = new ConcurrentLinkedQueue<>();
    try (TestServer server =
        server((call, e, s) -> {
          authorizations.add(
              String.valueOf(e.getRequestHeaders().getFirst("Authorization"))
                  + e.getRequestHeaders().getFirst("X-Other"));
          e.getResponseHeaders()
              .add("Location", call == 1 ? "/same" : s.uri("localhost", "/other").toString());
          s.answer(e, call < 3 ? 302 : 200, "");
        })) {
      HttpRequest request =
          HttpRequest.newBuilder(server.uri("/"))
              .header("Authorization", "secret")
              .header("X-Other", "+")
              .build();
      quick().maxRedirects(3).build().send(request, BodyHandlers.discarding());
      assertEquals(List.of("secret+", "secret+", "null+"), List.copyOf(authorizations));
    }
  }

  @Test
  void postSentElsewhere_becomesGetAsBrowsersDo_exceptFor307() throws Exception {
    int[] statuses = {303, 307};
    for (int status : statuses) {
      calls.set(0);
      try (TestServer server =
          server((call, e, s) -> {
            e.getResponseHeaders().add("Location", "/next");
            s.answer(e, call == 1 ? status : 200, "");
          })) {
        HttpRequest post =
            HttpRequest.newBuilder(server.uri("/")).POST(BodyPublishers.ofString("x")).build();
        quick().maxRedirects(3).build().send(post, BodyHandlers.discarding());
        assertEquals(List.of("POST /", status == 303 ? "GET /next" : "POST /next"), server.seen());
      }
    }
  }

  @Test
  void redirectWithoutFollowing_isTheCallersResponse() throws Exception {
    try (TestServer server =
        server((_, e, s) -> {
          e.getResponseHeaders().add("Location", "/next");
          s.answer(e, 302, "moved");
        })) {
      HttpResponse<String> response =
          quick().build().send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals(302, response.statusCode());
      assertEquals("moved", response.body());
    }
  }

  @Test
  void endlessBodyOfARefusal_isCutOff() throws Exception {
    try (RawServer server =
        new RawServer(socket -> {
          RawServer.readRequest(socket);
          if (calls.incrementAndGet() == 1) {
            socket
                .getOutputStream()
                .write("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n".getBytes(UTF_8));
            byte[] chunk = ("400\r\n" + "x".repeat(1024) + "\r\n").getBytes(UTF_8);
            while (true) {
              socket.getOutputStream().write(chunk);
            }
          }
          socket
              .getOutputStream()
              .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".getBytes(UTF_8));
        })) {
      assertEquals("ok", quick().build().send(get(server.uri()), BodyHandlers.ofString()).body());
    }
  }

  @Test
  void listenerOfACall_isToldOfThatCallOnly_andWhatItThrowsHarmsNothing() throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, 200, ""))) {
      ConcurrentLinkedQueue<AttemptEvent> mine = new ConcurrentLinkedQueue<>();
      LimitedHttpClient client = quick().build();
      CompletableFuture<HttpResponse<Void>> call =
          client.sendAsync(
              get(server.uri("/mine")),
              BodyHandlers.discarding(),
              event -> {
                mine.add(event);
                throw new IllegalStateException("listener of a test: nothing to worry about");
              });
      assertEquals(200, call.get(60, TimeUnit.SECONDS).statusCode());
      client.send(get(server.uri("/another")), BodyHandlers.discarding());
      assertEquals(1, mine.size());
      assertEquals(2, events.size());
      assertEquals(server.uri("/mine"), mine.peek().uri());
    }
  }

  @Test
  void dependentThatBlocks_keepsNobodyFromCancellingOrShuttingDown() throws Exception {
    CountDownLatch shutDown = new CountDownLatch(1);
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch registered = new CountDownLatch(1);
    try (TestServer server = server((_, e, s) -> s.answer(e, 200, ""))) {
      LimitedHttpClient client = quick().build();
      CompletableFuture<?> dependent =
          client
              .sendAsync(
                  get(server.uri("/")),
                  _ -> {
                    await(
                        registered); // so that it is the call's own thread that runs the dependent
                    return HttpResponse.BodySubscribers.replacing("");
                  })
              .thenRun(() -> {
                inside.countDown();
                await(shutDown);
              });
      registered.countDown();
      await(inside);
      client.shutdownNow();
      shutDown.countDown();
      dependent.get(60, TimeUnit.SECONDS);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(60, TimeUnit.SECONDS));
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  @Test
  void functionsOfTheUserThatThrow_failTheCall() throws Exception {
    IllegalStateException boom = new IllegalStateException("boom");
    LimitedHttpClient client =
        quick()
            .perHost(_ -> {
              throw boom;
            })
            .build();
    ExecutionException failure =
        assertThrows(
            ExecutionException.class,
            () ->
                client
                    .sendAsync(get(URI.create("http://127.0.0.1:1/")), BodyHandlers.discarding())
                    .get(60, TimeUnit.SECONDS));
    assertSame(boom, failure.getCause());
  }

  @Test
  void deadline_coversTheWaitForARetry() throws Exception {
    try (TestServer server = server((_, e, s) -> s.answer(e, 503, ""))) {
      CompletableFuture<?> call =
          patient()
              .backoff(Duration.ofSeconds(30), Duration.ofMinutes(2))
              .deadline(Duration.ofSeconds(5))
              .build()
              .sendAsync(get(server.uri("/")), BodyHandlers.discarding());
      Await.until("it waits for its retry", () -> events.size() == 1 && timer.alarms() == 2);
      timer.advance(Duration.ofSeconds(5));
      ExecutionException failure =
          assertThrows(ExecutionException.class, () -> call.get(60, TimeUnit.SECONDS));
      assertInstanceOf(java.net.http.HttpTimeoutException.class, failure.getCause());
      assertEquals(0, timer.alarms());
    }
  }
}
