package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.LimiterClosedException;
import dev.bouncer.LimiterFullException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Permits: when they are taken, and that they come back on every way out. */
@Timeout(120)
final class LimitedHttpClientTest {
  private final HttpClient plain = HttpClient.newHttpClient();
  private final AsyncSemaphore limiter = AsyncSemaphore.of(1);
  private final ManualTimer timer = new ManualTimer();

  /** Lets answers of the server go. */
  private final Semaphore gate = new Semaphore(0);

  @AfterEach
  void end() {
    gate.release(1_000_000);
    plain.shutdownNow();
  }

  private LimitedHttpClient client() {
    return LimitedHttpClient.builder(plain, timer).limiter(limiter).retries(0).build();
  }

  private static HttpRequest get(URI uri) {
    return HttpRequest.newBuilder(uri).build();
  }

  private TestServer gated() throws IOException {
    AtomicReference<TestServer> self = new AtomicReference<>();
    TestServer server =
        new TestServer(exchange -> {
          gate.acquireUninterruptibly();
          self.get().answer(exchange, 200, "body");
        });
    self.set(server);
    return server;
  }

  private void untilAllIsBack() {
    Await.until("the permit is back", () -> limiter.inUse() == 0 && limiter.waiting() == 0);
  }

  private static Throwable failureOf(CompletableFuture<?> future) {
    return assertThrows(ExecutionException.class, () -> future.get(60, TimeUnit.SECONDS))
        .getCause();
  }

  @Test
  void twentyCalls_limitFive_serverSeesAtMostFive() throws Exception {
    AsyncSemaphore five = AsyncSemaphore.of(5);
    try (TestServer server = gated();
        LimitedHttpClient client = LimitedHttpClient.of(plain, five)) {
      List<CompletableFuture<HttpResponse<String>>> calls =
          IntStream.range(0, 20)
              .mapToObj(i -> client.sendAsync(get(server.uri("/" + i)), BodyHandlers.ofString()))
              .toList();
      Await.until("five are there", () -> server.seen().size() == 5);
      assertEquals(15, five.waiting());
      gate.release(20);
      for (CompletableFuture<HttpResponse<String>> call : calls) {
        assertEquals("body", call.get(60, TimeUnit.SECONDS).body());
      }
      assertEquals(5, server.mostInFlight());
      Await.until("all is back", () -> five.inUse() == 0);
    }
  }

  @Test
  void calls_areSentInTheOrderInWhichTheyWereMade() throws Exception {
    gate.release(100);
    try (TestServer server = gated()) {
      LimitedHttpClient client = client();
      List<String> expected = IntStream.range(0, 100).mapToObj(i -> "GET /" + i).toList();
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        calls.add(client.sendAsync(get(server.uri("/" + i)), BodyHandlers.discarding()));
      }
      CompletableFuture.allOf(calls.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
      assertEquals(expected, server.seen());
    }
  }

  @Test
  void blockingSend_takesAndReturnsThePermit() throws Exception {
    gate.release();
    try (TestServer server = gated()) {
      HttpResponse<String> response = client().send(get(server.uri("/")), BodyHandlers.ofString());
      assertEquals("body", response.body());
      assertEquals(0, limiter.inUse());
    }
  }

  @Test
  void streamedBody_holdsThePermitUntilItIsRead() throws Exception {
    String large = "x".repeat(1_000_000);
    AtomicReference<TestServer> self = new AtomicReference<>();
    try (TestServer server = new TestServer(e -> self.get().answer(e, 200, large))) {
      self.set(server);
      HttpResponse<InputStream> response =
          client().send(get(server.uri("/")), BodyHandlers.ofInputStream());
      assertEquals(1, limiter.inUse());
      assertEquals(large.length(), response.body().readAllBytes().length);
      untilAllIsBack();
    }
  }

  @Test
  void streamedBody_closedEarly_givesThePermitBack() throws Exception {
    String large = "x".repeat(10_000_000);
    AtomicReference<TestServer> self = new AtomicReference<>();
    try (TestServer server = new TestServer(e -> self.get().answer(e, 200, large))) {
      self.set(server);
      HttpResponse<InputStream> response =
          client().send(get(server.uri("/")), BodyHandlers.ofInputStream());
      assertEquals('x', response.body().read());
      assertEquals(1, limiter.inUse());
      response.body().close();
      untilAllIsBack();
    }
  }

  @Test
  void streamedBody_forgotten_endsAtTheIdleTimeout() throws Exception {
    String large = "x".repeat(10_000_000);
    AtomicReference<TestServer> self = new AtomicReference<>();
    try (TestServer server = new TestServer(e -> self.get().answer(e, 200, large))) {
      self.set(server);
      HttpResponse<InputStream> response =
          client().send(get(server.uri("/")), BodyHandlers.ofInputStream());
      assertEquals(1, limiter.inUse());
      Await.until(
          "the body has ended",
          () -> {
            timer.advance(Duration.ofSeconds(61));
            return limiter.inUse() == 0;
          });
      assertThrows(IOException.class, () -> response.body().readAllBytes());
      assertEquals(0, timer.alarms());
    }
  }

  @Test
  void publishedBody_thatNobodySubscribesTo_saysSo() throws Exception {
    gate.release();
    AtomicReference<AttemptEvent> ended = new AtomicReference<>();
    try (TestServer server = gated()) {
      client()
          .sendAsync(get(server.uri("/")), BodyHandlers.ofPublisher(), ended::set)
          .get(60, TimeUnit.SECONDS);
      assertEquals(1, limiter.inUse());
      timer.advance(Duration.ofMinutes(1));
      untilAllIsBack();
      assertEquals(
          "body must be read or closed: nobody has read for idleTimeout=PT1M uri="
              + server.uri("/"),
          ended.get().failure().orElseThrow().getMessage());
    }
  }

  @Test
  void bodyThatStops_failsAtTheIdleTimeout() throws Exception {
    CountDownLatch half = new CountDownLatch(1);
    try (TestServer server =
        new TestServer(exchange -> {
          exchange.sendResponseHeaders(200, 100);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
          half.countDown();
          gate.acquireUninterruptibly();
        })) {
      CompletableFuture<HttpResponse<String>> call =
          client().sendAsync(get(server.uri("/")), BodyHandlers.ofString());
      assertTrue(half.await(60, TimeUnit.SECONDS));
      Await.until(
          "the body has failed",
          () -> {
            timer.advance(Duration.ofSeconds(61));
            return call.isDone();
          });
      Throwable failure = failureOf(call);
      assertInstanceOf(HttpTimeoutException.class, failure);
      assertTrue(failure.getMessage().contains("nothing has come"), failure::toString);
      untilAllIsBack();
    }
  }

  @Test
  void bodyCutShort_fails() throws Exception {
    try (TestServer server =
        new TestServer(exchange -> {
          exchange.sendResponseHeaders(200, 100);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
          throw new IOException("cut");
        })) {
      assertThrows(
          IOException.class, () -> client().send(get(server.uri("/")), BodyHandlers.ofString()));
      untilAllIsBack();
      HttpResponse<InputStream> streamed =
          client().send(get(server.uri("/")), BodyHandlers.ofInputStream());
      assertThrows(IOException.class, () -> streamed.body().readAllBytes());
      untilAllIsBack();
    }
  }

  @Test
  void nobodyListens_failsAndGivesThePermitBack() {
    URI nobody = URI.create("http://127.0.0.1:1/");
    assertThrows(IOException.class, () -> client().send(get(nobody), BodyHandlers.discarding()));
    assertEquals(0, limiter.inUse());
  }

  @Test
  void requestThatTheClientRefuses_failsAndGivesThePermitBack() throws Exception {
    LimitedHttpClient client = client();
    plain.shutdownNow();
    assertThrows(
        IOException.class,
        () -> client.send(get(URI.create("http://127.0.0.1:1/")), BodyHandlers.discarding()));
    assertEquals(0, limiter.inUse());
  }

  @Test
  void bodyHandlerThatThrows_failsTheCall() throws Exception {
    gate.release();
    try (TestServer server = gated()) {
      IllegalStateException boom = new IllegalStateException("boom");
      CompletableFuture<HttpResponse<String>> call =
          client()
              .sendAsync(
                  get(server.uri("/")),
                  _ -> {
                    throw boom;
                  });
      Throwable failure = failureOf(call);
      assertTrue(failure == boom || failure.getCause() == boom, failure::toString);
      untilAllIsBack();
      assertEquals(1, server.seen().size());
    }
  }

  @Test
  void cancel_whileInLine_withdrawsTheCall() throws Exception {
    try (TestServer server = gated()) {
      LimitedHttpClient client = client();
      CompletableFuture<HttpResponse<String>> first =
          client.sendAsync(get(server.uri("/1")), BodyHandlers.ofString());
      CompletableFuture<HttpResponse<String>> second =
          client.sendAsync(get(server.uri("/2")), BodyHandlers.ofString());
      assertEquals(1, limiter.waiting());
      assertTrue(second.cancel(true));
      assertEquals(0, limiter.waiting());
      gate.release();
      assertEquals("body", first.get(60, TimeUnit.SECONDS).body());
      untilAllIsBack();
      assertEquals(List.of("GET /1"), server.seen());
    }
  }

  @Test
  void cancel_inFlight_givesPermitAndConnectionBack() throws Exception {
    CountDownLatch there = new CountDownLatch(1);
    CountDownLatch connectionEnded = new CountDownLatch(1);
    try (RawServer server =
        new RawServer(socket -> {
          RawServer.readRequest(socket);
          there.countDown();
          if (socket.getInputStream().read() < 0) {
            connectionEnded.countDown();
          }
        })) {
      CompletableFuture<HttpResponse<String>> call =
          client().sendAsync(get(server.uri()), BodyHandlers.ofString());
      assertTrue(there.await(60, TimeUnit.SECONDS));
      assertTrue(call.cancel(true));
      assertEquals(0, limiter.inUse());
      assertTrue(connectionEnded.await(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void orTimeout_onTheFuture_stopsTheExchange() throws Exception {
    CountDownLatch there = new CountDownLatch(1);
    CountDownLatch connectionEnded = new CountDownLatch(1);
    try (RawServer server =
        new RawServer(socket -> {
          RawServer.readRequest(socket);
          there.countDown();
          try {
            socket.getInputStream().readAllBytes();
          } finally {
            connectionEnded.countDown();
          }
        })) {
      CompletableFuture<HttpResponse<String>> call =
          client().sendAsync(get(server.uri()), BodyHandlers.ofString());
      assertTrue(there.await(60, TimeUnit.SECONDS));
      failureOf(call.orTimeout(1, TimeUnit.MILLISECONDS));
      untilAllIsBack();
      assertTrue(connectionEnded.await(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void interrupt_whileInFlight_stopsTheExchange() throws Exception {
    try (TestServer server = gated()) {
      LimitedHttpClient client = client();
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread sender =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  client.send(get(server.uri("/")), BodyHandlers.ofString());
                } catch (Exception e) {
                  thrown.set(e);
                }
              });
      Await.until("it is there", () -> server.seen().size() == 1);
      sender.interrupt();
      assertTrue(sender.join(Duration.ofSeconds(60)));
      assertInstanceOf(InterruptedException.class, thrown.get());
      untilAllIsBack();
    }
  }

  @Test
  void deadline_inLine_failsTheCall() throws Exception {
    try (TestServer server = gated();
        var _ = limiter.acquire()) {
      LimitedHttpClient client =
          LimitedHttpClient.builder(plain, timer)
              .limiter(limiter)
              .deadline(Duration.ofSeconds(5))
              .build();
      CompletableFuture<HttpResponse<String>> call =
          client.sendAsync(get(server.uri("/")), BodyHandlers.ofString());
      timer.advance(Duration.ofSeconds(5));
      Throwable failure = failureOf(call);
      assertInstanceOf(HttpTimeoutException.class, failure);
      assertTrue(failure.getMessage().contains("deadline=PT5S attempts=1"), failure::toString);
      assertEquals(0, limiter.waiting());
      assertEquals(1, limiter.inUse());
      assertEquals(List.of(), server.seen());
    }
  }

  @Test
  void deadline_inTheBody_failsTheBody() throws Exception {
    try (TestServer server =
        new TestServer(exchange -> {
          exchange.sendResponseHeaders(200, 100);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
          gate.acquireUninterruptibly();
        })) {
      LimitedHttpClient client =
          LimitedHttpClient.builder(plain, timer)
              .limiter(limiter)
              .deadline(Duration.ofSeconds(5))
              .build();
      HttpResponse<InputStream> response =
          client.send(get(server.uri("/")), BodyHandlers.ofInputStream());
      assertEquals(1, limiter.inUse());
      timer.advance(Duration.ofSeconds(5));
      untilAllIsBack();
      assertThrows(IOException.class, () -> response.body().readAllBytes());
      assertEquals(0, timer.alarms());
    }
  }

  @Test
  void finishedCall_leavesNoAlarm() throws Exception {
    gate.release();
    try (TestServer server = gated()) {
      LimitedHttpClient client =
          LimitedHttpClient.builder(plain, timer)
              .limiter(limiter)
              .deadline(Duration.ofSeconds(5))
              .build();
      client.send(get(server.uri("/")), BodyHandlers.ofString());
      Await.until("no alarm is left", () -> timer.alarms() == 0);
    }
  }

  @Test
  void eachHost_hasItsOwnLimiter() throws Exception {
    Map<String, AsyncSemaphore> hosts = new ConcurrentHashMap<>();
    try (TestServer server = gated()) {
      LimitedHttpClient client =
          LimitedHttpClient.builder(plain)
              .perHost(host -> hosts.computeIfAbsent(host, _ -> AsyncSemaphore.of(1)))
              .build();
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        calls.add(client.sendAsync(get(server.uri("/a")), BodyHandlers.discarding()));
        calls.add(client.sendAsync(get(server.uri("localhost", "/b")), BodyHandlers.discarding()));
      }
      Await.until("one of each is there", () -> server.seen().size() == 2);
      assertEquals(2, hosts.size());
      hosts.values().forEach(host -> assertEquals(2, host.waiting()));
      gate.release(6);
      CompletableFuture.allOf(calls.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
      assertEquals(2, server.mostInFlight());
      hosts.values().forEach(host -> assertEquals(0, host.inUse()));
    }
  }

  @Test
  void busyHost_keepsNoPermitOfAllCallsWaiting() throws Exception {
    AsyncSemaphore two = AsyncSemaphore.of(2);
    AsyncSemaphore busy = AsyncSemaphore.of(1);
    AsyncSemaphore other = AsyncSemaphore.of(1);
    try (TestServer server = gated()) {
      LimitedHttpClient client =
          LimitedHttpClient.builder(plain)
              .limiter(two)
              .perHost(host -> host.startsWith("localhost") ? other : busy)
              .build();
      for (int i = 0; i < 5; i++) {
        client.sendAsync(get(server.uri("/busy")), BodyHandlers.discarding());
      }
      client.sendAsync(get(server.uri("localhost", "/other")), BodyHandlers.discarding());
      Await.until("both hosts are called", () -> server.seen().size() == 2);
      assertTrue(server.seen().contains("GET /other"));
    }
  }

  @Test
  void closedOrFullLimiter_failsTheCallAndSendsNothing() throws Exception {
    try (TestServer server = gated()) {
      AsyncSemaphore full = AsyncSemaphore.builder(1).maxWaiting(1).build();
      LimitedHttpClient client = LimitedHttpClient.of(plain, full);
      client.sendAsync(get(server.uri("/1")), BodyHandlers.discarding());
      client.sendAsync(get(server.uri("/2")), BodyHandlers.discarding());
      CompletableFuture<?> third =
          client.sendAsync(get(server.uri("/3")), BodyHandlers.discarding());
      assertInstanceOf(LimiterFullException.class, failureOf(third));
      limiter.close();
      assertThrows(
          LimiterClosedException.class,
          () -> client().send(get(server.uri("/4")), BodyHandlers.discarding()));
    }
  }

  @Test
  void secondLimiterClosed_givesThePermitOfTheFirstBack() throws Exception {
    AsyncSemaphore host = AsyncSemaphore.of(1);
    limiter.close();
    LimitedHttpClient client =
        LimitedHttpClient.builder(plain).limiter(limiter).perHost(_ -> host).build();
    assertThrows(
        LimiterClosedException.class,
        () -> client.send(get(URI.create("http://127.0.0.1:1/")), BodyHandlers.discarding()));
    assertEquals(0, host.inUse());
  }

  @Test
  void shutdown_letsWaitingCallsEndAndRefusesNewOnes() throws Exception {
    try (TestServer server = gated()) {
      LimitedHttpClient client = client();
      List<CompletableFuture<HttpResponse<String>>> calls =
          IntStream.range(0, 3)
              .mapToObj(i -> client.sendAsync(get(server.uri("/" + i)), BodyHandlers.ofString()))
              .toList();
      client.shutdown();
      assertFalse(client.isTerminated());
      CompletableFuture<?> late =
          client.sendAsync(get(server.uri("/late")), BodyHandlers.discarding());
      assertTrue(failureOf(late).getMessage().startsWith("client must be open"));
      gate.release(3);
      for (CompletableFuture<HttpResponse<String>> call : calls) {
        assertEquals("body", call.get(60, TimeUnit.SECONDS).body());
      }
      assertTrue(client.awaitTermination(Duration.ofSeconds(60)));
      assertTrue(client.isTerminated());
    }
  }

  @Test
  void shutdownNow_endsCallsAndBodies() throws Exception {
    String large = "x".repeat(10_000_000);
    AtomicReference<TestServer> self = new AtomicReference<>();
    try (TestServer server = new TestServer(e -> self.get().answer(e, 200, large))) {
      self.set(server);
      LimitedHttpClient client = client();
      HttpResponse<InputStream> streaming =
          client.send(get(server.uri("/")), BodyHandlers.ofInputStream());
      CompletableFuture<HttpResponse<String>> waiting =
          client.sendAsync(get(server.uri("/")), BodyHandlers.ofString());
      client.shutdownNow();
      assertTrue(waiting.isCancelled());
      untilAllIsBack();
      assertThrows(IOException.class, () -> streaming.body().readAllBytes());
      assertTrue(client.awaitTermination(Duration.ofSeconds(60)));
    }
  }

  @Test
  void client_isWhatTheOneUnderneathIs() {
    try (LimitedHttpClient client = client()) {
      assertSame(plain.sslContext(), client.sslContext());
      assertEquals(plain.version(), client.version());
      assertEquals(HttpClient.Redirect.NEVER, client.followRedirects());
      assertThrows(UnsupportedOperationException.class, client::newWebSocketBuilder);
    }
  }

  @Test
  void badSettings_areRefused() {
    LimitedHttpClient.Builder builder = LimitedHttpClient.builder(plain);
    assertThrows(IllegalArgumentException.class, () -> builder.retries(-1));
    assertThrows(IllegalArgumentException.class, () -> builder.maxRedirects(1_001));
    assertThrows(IllegalArgumentException.class, () -> builder.deadline(Duration.ZERO));
    assertThrows(
        IllegalArgumentException.class,
        () -> builder.backoff(Duration.ofSeconds(1), Duration.ofSeconds(1)));
    HttpClient following =
        HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
    IllegalArgumentException wrong =
        assertThrows(
            IllegalArgumentException.class,
            () -> LimitedHttpClient.builder(following).maxRedirects(1).build());
    assertEquals(
        "client must not follow redirects by itself when maxRedirects is set:"
            + " followRedirects=NORMAL",
        wrong.getMessage());
  }
}
