package dev.bouncer.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bouncer.AsyncSemaphore;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Calls over real connections, cancelled at any moment: no permit and no connection stays behind.
 */
@Timeout(300)
final class ConnectionRaceTest {
  /** More than the buffers between server and reader hold. */
  private static final byte[] BODY = new byte[400_000];

  private static final int PERMITS = 3;

  private final AtomicInteger sending = new AtomicInteger();

  /** Answers request after request; a client that neither reads nor closes keeps it sending. */
  private void answer(Socket socket) throws IOException {
    socket.setSendBufferSize(8_192);
    OutputStream out = socket.getOutputStream();
    while (true) {
      RawServer.readRequest(socket);
      sending.incrementAndGet();
      try {
        out.write(
            "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                .formatted(BODY.length)
                .getBytes(US_ASCII));
        out.write(BODY);
      } finally {
        sending.decrementAndGet();
      }
    }
  }

  @Test
  void cancel_againstTheBody() throws Exception {
    race(120);
  }

  @Test
  @Tag("deep")
  void cancel_againstTheBody_manyTimes() throws Exception {
    race(3_000);
  }

  private void race(int rounds) throws Exception {
    AsyncSemaphore semaphore = AsyncSemaphore.of(PERMITS);
    OutcomeRecorder limiter = new OutcomeRecorder(semaphore);
    HttpClient plain = HttpClient.newHttpClient();
    try (RawServer server = new RawServer(this::answer);
        Together together = new Together()) {
      HttpRequest request = HttpRequest.newBuilder(server.uri()).build();
      LimitedHttpClient client =
          LimitedHttpClient.builder(plain).limiter(limiter).retries(0).build();
      for (int i = 0; i < rounds; i++) {
        CompletableFuture<? extends HttpResponse<?>> call =
            i % 2 == 0
                ? client.sendAsync(request, BodyHandlers.ofByteArray())
                : client.sendAsync(request, BodyHandlers.ofInputStream());
        boolean closes = i % 4 == 1;
        together.run(
            () -> read(call, closes),
            () -> {
              while (semaphore.inUse() > 0 && sending.get() == 0) {
                Thread.onSpinWait(); // until the answer is on its way, or was already
              }
              call.cancel(true);
            });
        Await.until("the permit is back", () -> semaphore.inUse() == 0);
      }
      assertEquals(rounds, limiter.granted());
      assertEquals(rounds, limiter.closings());
      Await.until("every answer was read or cut off", () -> sending.get() == 0);
    } finally {
      plain.shutdownNow();
    }
  }

  /** Reads a body to its end, or closes it after the first byte. */
  private static void read(CompletableFuture<? extends HttpResponse<?>> call, boolean closes) {
    try {
      if (call.join().body() instanceof InputStream body) {
        try (body) {
          if (body.read() >= 0 && !closes) {
            assertEquals(BODY.length - 1, body.readAllBytes().length);
          }
        }
      }
    } catch (CancellationException | CompletionException | IOException cutOff) {
      // That is what the test is about.
    }
  }
}
