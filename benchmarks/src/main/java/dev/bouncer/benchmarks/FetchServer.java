package dev.bouncer.benchmarks;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A rate-limited API on loopback: takes its time over what it allows, and answers 429 beyond. */
final class FetchServer implements AutoCloseable {
  private static final int OK = 200;
  private static final int TOO_MANY_REQUESTS = 429;

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Allowance allowance;
  private final double latencyMillis;
  private final Random random;

  FetchServer(Allowance allowance, double latencyMillis, long seed) throws IOException {
    // Or each answer waits for the client's delayed acknowledgement. Read when the class is loaded.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    this.allowance = allowance;
    this.latencyMillis = latencyMillis;
    this.random = new Random(seed);
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      int status = allowance.enter(System.nanoTime()) ? OK : TOO_MANY_REQUESTS;
      if (status == OK) {
        try {
          Thread.sleep(Math.round(latencyMillis * (0.5 + random.nextDouble())));
        } catch (InterruptedException closing) {
          Thread.currentThread().interrupt();
        } finally {
          allowance.leave(); // before the answer, after which the next call may come
        }
      }
      byte[] body = exchange.getRequestURI().getPath().getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  String url(int number) {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/" + number;
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
