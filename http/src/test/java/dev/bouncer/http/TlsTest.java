package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.bouncer.AsyncSemaphore;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Over TLS, with a key that the test makes. */
@Timeout(120)
final class TlsTest {
  @TempDir private Path directory = Path.of("");

  @Test
  void callOverTls_holdsItsPermitUntilItsEnd() throws Exception {
    SSLContext tls = OwnKey.in(directory);
    AtomicInteger calls = new AtomicInteger();
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    server.setExecutor(threads);
    AsyncSemaphore limiter = AsyncSemaphore.of(1);
    AtomicInteger heldWhenCalled = new AtomicInteger();
    server.createContext(
        "/",
        exchange -> {
          calls.incrementAndGet();
          heldWhenCalled.set(limiter.inUse());
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    server.start();
    URI uri = URI.create("https://127.0.0.1:" + server.getAddress().getPort() + "/");
    HttpRequest request = HttpRequest.newBuilder(uri).build();
    try (HttpClient trusting = HttpClient.newBuilder().sslContext(tls).build();
        HttpClient client = LimitedHttpClient.of(trusting, limiter)) {
      HttpResponse<Void> response = client.send(request, BodyHandlers.discarding());
      assertEquals(200, response.statusCode());
      assertTrue(response.sslSession().isPresent());
      assertEquals(1, heldWhenCalled.get());
      assertEquals(1, limiter.available());
    } finally {
      server.stop(0);
      threads.shutdownNow();
    }
    assertEquals(1, calls.get());
  }

  @Test
  void serverThatIsNotTrusted_failsAtOnceAndGivesThePermitBack() throws Exception {
    SSLContext tls = OwnKey.in(directory);
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    server.setExecutor(threads);
    server.start();
    URI uri = URI.create("https://127.0.0.1:" + server.getAddress().getPort() + "/");
    AsyncSemaphore limiter = AsyncSemaphore.of(1);
    AtomicInteger attempts = new AtomicInteger();
    try (HttpClient distrusting = HttpClient.newHttpClient();
        HttpClient client =
            LimitedHttpClient.builder(distrusting)
                .limiter(limiter)
                .onAttempt(_ -> attempts.incrementAndGet())
                .build()) {
      HttpRequest request = HttpRequest.newBuilder(uri).build();
      Exception failure =
          assertThrows(Exception.class, () -> client.send(request, BodyHandlers.discarding()));
      assertInstanceOf(SSLException.class, failure);
      assertEquals(1, attempts.get(), "it will not be trusted a second later");
      assertEquals(1, limiter.available());
    } finally {
      server.stop(0);
      threads.shutdownNow();
    }
  }
}
