package dev.bouncer.cli.demo;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * An HTTP server on loopback, on a free port, that can take so many calls at once and answers 429
 * to any more. It counts what it sees.
 */
final class SmallServer implements AutoCloseable {
  private static final int OK = 200;
  private static final int TOO_MANY_REQUESTS = 429;

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final int capacity;
  private final Duration callTime;

  private int inFlight; // guarded by this, as are the next two
  private int maxInFlight;
  private int rejected;

  SmallServer(int capacity, Duration callTime) throws IOException {
    this.capacity = capacity;
    this.callTime = callTime;
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/call", this::handle);
    server.createContext("/ready", exchange -> answer(exchange, OK));
    server.start();
  }

  /** Returns the address that takes its time. */
  URI callAddress() {
    return address("/call");
  }

  /** Returns an address that answers at once and counts nothing. */
  URI readyAddress() {
    return address("/ready");
  }

  private URI address(String path) {
    String host = server.getAddress().getAddress().getHostAddress();
    String bracketed = host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + bracketed + ":" + server.getAddress().getPort() + path);
  }

  private void handle(HttpExchange exchange) throws IOException {
    if (!enter()) {
      answer(exchange, TOO_MANY_REQUESTS);
      return;
    }
    try {
      Thread.sleep(callTime); // this is the work of the server
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    } finally {
      leave(); // before the answer: the client may send its next call as soon as it has that
    }
    answer(exchange, OK);
  }

  private static void answer(HttpExchange exchange, int status) throws IOException {
    try (exchange) {
      exchange.sendResponseHeaders(status, -1);
    }
  }

  private synchronized boolean enter() {
    maxInFlight = Math.max(maxInFlight, inFlight + 1);
    if (inFlight >= capacity) {
      rejected++;
      return false;
    }
    inFlight++;
    return true;
  }

  private synchronized void leave() {
    inFlight--;
  }

  /** Returns what it has seen so far. */
  synchronized Seen seen() {
    return new Seen(maxInFlight, rejected);
  }

  /**
   * What the server saw.
   *
   * @param maxInFlight the most calls that were there at once, one that was refused included
   * @param rejected how many calls were answered 429
   */
  record Seen(int maxInFlight, int rejected) {}

  @Override
  public void close() {
    server.stop(0);
    threads.close();
  }
}
