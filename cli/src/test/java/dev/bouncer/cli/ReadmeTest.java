package dev.bouncer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.bouncer.AdaptiveLimiter;
import dev.bouncer.AsyncSemaphore;
import dev.bouncer.KeyedLimiter;
import dev.bouncer.Limiter;
import dev.bouncer.RateLimiter;
import dev.bouncer.process.ProcessPool;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The examples of the README: they run, and they are what is printed there. */
class ReadmeTest {
  private static final Path README = Path.of("..", "README.md");
  private static final Path HERE =
      Path.of("src", "test", "java", "dev", "bouncer", "cli", "ReadmeTest.java");

  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicInteger inFlight = new AtomicInteger();
  private final AtomicInteger mostInFlight = new AtomicInteger();

  @Test
  void anApiThatAllowsFiveCallsAtOnce() throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/",
        exchange -> {
          mostInFlight.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
          calls.incrementAndGet();
          inFlight.decrementAndGet();
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    server.start();
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
      List<HttpRequest> requests = Collections.nCopies(20, HttpRequest.newBuilder(uri).build());
      try (AsyncSemaphore api = AsyncSemaphore.of(5)) {
        List<CompletableFuture<HttpResponse<String>>> responses =
            requests.stream()
                .map(request ->
                    api.callAsync(() -> client.sendAsync(request, BodyHandlers.ofString())))
                .toList();
        responses.forEach(CompletableFuture::join);
        assertEquals(0, api.inUse());
      }
    } finally {
      server.stop(0);
    }
    assertEquals(20, calls.get());
    assertTrue(mostInFlight.get() <= 5, "most in flight: " + mostInFlight);
  }

  @Test
  void blockingCodeUsesTheSameSemaphore() throws Exception {
    AsyncSemaphore api = AsyncSemaphore.of(5);
    try (var _ = api.acquire()) {
      callTheApi();
    }
    assertEquals(1, calls.get());
    assertEquals(0, api.inUse());
  }

  private void callTheApi() {
    calls.incrementAndGet();
  }

  @Test
  void limitersForWhatAServiceAllows() throws Exception {
    Limiter polite = Limiter.allOf(AsyncSemaphore.of(5), RateLimiter.of(50, Duration.ofSeconds(1)));
    KeyedLimiter<String> perHost = KeyedLimiter.perKey(host -> AsyncSemaphore.of(2));
    AdaptiveLimiter findsItself = AdaptiveLimiter.create();
    for (Limiter limiter : List.of(polite, perHost.forKey("example.org"), findsItself)) {
      limiter.run(this::callTheApi);
    }
    assertEquals(3, calls.get());
  }

  @Test
  void heavyCalculationsInTwoProcesses() {
    List<Integer> results;
    try (ProcessPool pool = ProcessPool.of(2)) {
      List<Integer> squares = pool.map(List.of(0, 1, 2, 3, 4), n -> n * n).toList();
      results = squares;
    }
    assertEquals(List.of(0, 1, 4, 9, 16), results);
  }

  @Test
  void everyJavaExampleOfTheReadme_standsInThisTest() throws Exception {
    String here = withoutLayout(Files.readString(HERE));
    List<String> examples =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(README))
            .results()
            .map(match -> withoutLayout(match.group(1)))
            .toList();
    assertEquals(4, examples.size());
    for (String example : examples) {
      // The examples close what they open; here an assertion may stand before the last brace.
      String body = example.endsWith("}") ? example.substring(0, example.length() - 1) : example;
      assertTrue(here.contains(body), "not run as a test: " + example);
    }
  }

  @Test
  void readme_hasAtMost120Lines() throws Exception {
    assertTrue(Files.readAllLines(README).size() <= 120);
  }

  private static String withoutLayout(String code) {
    return code.replaceAll("\\s+", "");
  }
}
