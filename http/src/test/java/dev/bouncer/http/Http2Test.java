package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Many calls over one connection: a permit belongs to a stream, from its request to its end. */
@Timeout(120)
final class Http2Test {
  private static SSLContext tls;

  private final AsyncSemaphore semaphore = AsyncSemaphore.of(2);
  private final OutcomeRecorder limiter = new OutcomeRecorder(semaphore);
  private final ManualTimer timer = new ManualTimer();
  private final ConcurrentLinkedQueue<AttemptEvent> attempts = new ConcurrentLinkedQueue<>();
  private HttpClient plain;
  private Http2Server server;

  @BeforeAll
  static void makeKey(@TempDir Path directory) throws Exception {
    tls = OwnKey.in(directory);
  }

  @BeforeEach
  void begin() throws Exception {
    plain = HttpClient.newBuilder().sslContext(tls).version(Version.HTTP_2).build();
    server = new Http2Server(tls);
  }

  @AfterEach
  void end() throws IOException {
    plain.shutdownNow();
    server.close();
  }

  private LimitedHttpClient client(int retries) {
    return LimitedHttpClient.builder(plain, timer)
        .limiter(limiter)
        .retries(retries)
        .onAttempt(attempts::add)
        .build();
  }

  private HttpRequest get(String path) {
    URI uri = server.uri(path);
    return HttpRequest.newBuilder(uri).build();
  }

  private CompletableFuture<HttpResponse<String>> collect(LimitedHttpClient client, String path) {
    return client.sendAsync(get(path), BodyHandlers.ofString());
  }

  private static <T> HttpResponse<T> end(CompletableFuture<HttpResponse<T>> call) throws Exception {
    return call.get(60, TimeUnit.SECONDS);
  }

  private static Throwable failureOf(CompletableFuture<?> call) {
    return assertThrows(ExecutionException.class, () -> call.get(60, TimeUnit.SECONDS)).getCause();
  }

  /** All permits are back, each once. */
  private void untilAllIsBack() {
    Await.until("the permits are back", () -> semaphore.inUse() == 0 && semaphore.waiting() == 0);
    assertEquals(limiter.granted(), limiter.closings());
  }

  @Test
  void streams_shareAConnection_andEachHoldsItsPermitUntilItsBodyHasEnded() throws Exception {
    LimitedHttpClient client = client(0);
    CompletableFuture<HttpResponse<String>> connecting = collect(client, "/");
    server.stream(0).answer(200, "");
    end(connecting); // two calls at once would each make a connection
    List<CompletableFuture<HttpResponse<String>>> calls =
        IntStream.range(0, 4).mapToObj(i -> collect(client, "/" + i)).toList();
    Http2Server.Stream first = server.stream(1);
    Http2Server.Stream second = server.stream(2);
    first.headers(200, Map.of());
    first.piece("half ");
    second.headers(200, Map.of());
    second.lastPiece("whole");
    Http2Server.Stream third = server.stream(3); // in the place of the second
    assertEquals(4, server.streams().size());
    assertEquals(2, semaphore.inUse());
    assertEquals(1, semaphore.waiting());
    first.lastPiece("done");
    Http2Server.Stream fourth = server.stream(4);
    third.answer(200, "3");
    fourth.answer(200, "4");
    for (CompletableFuture<HttpResponse<String>> call : calls) {
      assertEquals(Version.HTTP_2, end(call).version());
    }
    untilAllIsBack();
    assertEquals(1, server.connections());
    assertEquals(List.of(Outcome.SUCCESS), limiter.outcomes().stream().distinct().toList());
  }

  @Test
  void streamedBody_holdsItsPermitUntilItIsClosed_andTheServerLearnsOfThat() throws Exception {
    CompletableFuture<HttpResponse<InputStream>> call =
        client(0).sendAsync(get("/"), BodyHandlers.ofInputStream());
    Http2Server.Stream stream = server.stream(0);
    stream.headers(200, Map.of());
    stream.piece("x");
    try (InputStream body = end(call).body()) {
      assertEquals('x', body.read());
      assertEquals(1, semaphore.inUse());
    }
    untilAllIsBack();
    Await.until("the stream was reset", stream::wasReset);
  }

  @Test
  void cancel_resetsTheStreamAndLeavesTheOthersAlone() throws Exception {
    LimitedHttpClient client = client(0);
    CompletableFuture<HttpResponse<String>> cancelled = collect(client, "/1");
    Http2Server.Stream first = server.stream(0);
    CompletableFuture<HttpResponse<String>> other = collect(client, "/2");
    Http2Server.Stream second = server.stream(1);
    first.headers(200, Map.of());
    first.piece("half ");
    second.headers(200, Map.of());
    assertTrue(cancelled.cancel(true));
    Await.until("the stream was reset", first::wasReset);
    Await.until("its permit is back", () -> semaphore.inUse() == 1);
    second.lastPiece("whole");
    assertEquals("whole", end(other).body());
    untilAllIsBack();
    assertEquals(1, server.connections());
  }

  @Test
  void streamThatTheServerResets_failsWithoutRetries() throws Exception {
    LimitedHttpClient client = client(0);
    CompletableFuture<HttpResponse<String>> before = collect(client, "/before");
    server.stream(0).reset(Http2Server.INTERNAL_ERROR);
    assertInstanceOf(IOException.class, failureOf(before));
    CompletableFuture<HttpResponse<String>> within = collect(client, "/within");
    Http2Server.Stream stream = server.stream(1);
    stream.headers(200, Map.of());
    stream.piece("half ");
    stream.reset(Http2Server.ENHANCE_YOUR_CALM);
    assertInstanceOf(IOException.class, failureOf(within));
    untilAllIsBack();
    assertEquals(List.of(Outcome.IGNORED, Outcome.IGNORED), limiter.outcomes());
  }

  @Test
  void streamedBodyThatTheServerResets_failsItsReader() throws Exception {
    CompletableFuture<HttpResponse<InputStream>> call =
        client(3).sendAsync(get("/"), BodyHandlers.ofInputStream());
    Http2Server.Stream stream = server.stream(0);
    stream.headers(200, Map.of());
    stream.piece("half ");
    InputStream body = end(call).body();
    stream.reset(Http2Server.INTERNAL_ERROR);
    assertThrows(IOException.class, body::readAllBytes);
    untilAllIsBack();
    assertEquals(1, server.streams().size(), "the reader has the half of it");
  }

  @Test
  void streamThatTheServerResets_isRepeated() throws Exception {
    CompletableFuture<HttpResponse<String>> call = collect(client(1), "/");
    Http2Server.Stream stream = server.stream(0);
    stream.headers(200, Map.of());
    stream.piece("half ");
    stream.reset(Http2Server.INTERNAL_ERROR);
    Await.until("the first attempt has ended", () -> attempts.size() == 1);
    assertEquals(0, semaphore.inUse());
    passTheBackoff(1);
    server.stream(1).answer(200, "whole");
    assertEquals("whole", end(call).body());
    untilAllIsBack();
    assertEquals(2, attempts.size());
    assertEquals(1, server.connections());
  }

  private void passTheBackoff(int requests) {
    Await.until(
        "it is tried again",
        () -> {
          timer.advance(Duration.ofSeconds(1));
          return server.streams().size() > requests;
        });
  }

  @Test
  void serverThatGoesAway_endsWhatItHasBegun_andTheRestGoesToAnotherConnection() throws Exception {
    LimitedHttpClient client = client(0);
    CompletableFuture<HttpResponse<String>> begun = collect(client, "/1");
    Http2Server.Stream first = server.stream(0);
    first.headers(200, Map.of());
    first.goAwayAfterThis();
    first.piece("half ");
    assertEquals(1, semaphore.inUse());
    first.lastPiece("whole");
    assertEquals("half whole", end(begun).body());
    untilAllIsBack();
    CompletableFuture<HttpResponse<String>> next = collect(client, "/2");
    server.stream(1).answer(200, "next");
    assertEquals("next", end(next).body());
    untilAllIsBack();
    assertEquals(2, server.connections());
  }

  @Test
  void connectionThatIsCut_failsAllItsStreams() throws Exception {
    LimitedHttpClient client = client(0);
    CompletableFuture<HttpResponse<String>> first = collect(client, "/1");
    server.stream(0).headers(200, Map.of());
    CompletableFuture<HttpResponse<String>> second = collect(client, "/2");
    server.stream(1).disconnect();
    assertInstanceOf(IOException.class, failureOf(first));
    assertInstanceOf(IOException.class, failureOf(second));
    untilAllIsBack();
    assertEquals(List.of(Outcome.IGNORED, Outcome.IGNORED), limiter.outcomes());
  }

  @Test
  void tooManyRequests_pausesTheHostButNotWhatIsInFlight() throws Exception {
    LimitedHttpClient client = client(1);
    CompletableFuture<HttpResponse<String>> inFlight = collect(client, "/1");
    Http2Server.Stream first = server.stream(0);
    first.headers(200, Map.of());
    CompletableFuture<HttpResponse<String>> refused = collect(client, "/2");
    Http2Server.Stream second = server.stream(1);
    second.headers(429, Map.of("retry-after", "60"));
    second.lastPiece("");
    Await.until("it was refused", () -> attempts.size() == 1);
    assertEquals(List.of(Outcome.DROPPED), limiter.outcomes());
    CompletableFuture<HttpResponse<String>> late = collect(client, "/3");
    first.lastPiece("whole");
    assertEquals("whole", end(inFlight).body());
    timer.advance(Duration.ofSeconds(59)); // also past the backoff
    assertEquals(2, server.streams().size());
    assertEquals(0, semaphore.inUse(), "who waits for a host holds nothing");
    timer.advance(Duration.ofSeconds(1));
    server.stream(2).answer(200, "again");
    server.stream(3).answer(200, "again");
    assertEquals("again", end(refused).body());
    assertEquals("again", end(late).body());
    untilAllIsBack();
  }
}
