package dev.bouncer.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.concurrent.atomic.AtomicInteger;

/** A server on loopback below HTTP, for what no HTTP server would do. */
final class RawServer implements AutoCloseable {
  /** Speaks with one connection. */
  interface Dialogue {
    void with(Socket socket) throws IOException;
  }

  private final ServerSocket server;
  private final AtomicInteger connections = new AtomicInteger();

  RawServer(Dialogue dialogue) throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(() -> accept(dialogue));
  }

  private void accept(Dialogue dialogue) {
    try {
      while (true) {
        Socket socket = server.accept();
        connections.incrementAndGet();
        Thread.ofVirtual()
            .start(() -> {
              try (socket) {
                dialogue.with(socket);
              } catch (IOException gone) {
                // The client went away, which is what some tests are about.
              }
            });
      }
    } catch (IOException closed) {
      // The test is over.
    }
  }

  static void readRequest(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    int last = 0;
    for (int b = in.read(); b >= 0; b = in.read()) {
      last = (last << 8) | b;
      if (last == 0x0d0a0d0a) {
        return;
      }
    }
    throw new IOException("no request");
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + server.getLocalPort() + "/");
  }

  int connections() {
    return connections.get();
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
