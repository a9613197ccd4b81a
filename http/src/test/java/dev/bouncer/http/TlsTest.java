package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.bouncer.AsyncSemaphore;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Over TLS, with a key that the test makes. */
@Timeout(120)
final class TlsTest {
  private static final String PASSWORD = "of-a-key-that-lives-for-a-test";

  @TempDir private Path directory = Path.of("");

  private SSLContext withKeyOfItsOwn() throws Exception {
    Path file = directory.resolve("keys");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "test",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=ip:127.0.0.1",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keystore",
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("keytool.log").toFile())
            .start();
    assertEquals(0, keytool.waitFor(), () -> file + " was not made");
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    KeyManagerFactory server = KeyManagerFactory.getInstance("PKIX");
    server.init(keys, PASSWORD.toCharArray());
    TrustManagerFactory client = TrustManagerFactory.getInstance("PKIX");
    client.init(keys);
    SSLContext both = SSLContext.getInstance("TLS");
    both.init(server.getKeyManagers(), client.getTrustManagers(), null);
    return both;
  }

  @Test
  void callOverTls_holdsItsPermitUntilItsEnd() throws Exception {
    SSLContext tls = withKeyOfItsOwn();
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
    SSLContext tls = withKeyOfItsOwn();
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
