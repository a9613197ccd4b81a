package dev.bouncer.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An address on loopback that leads to one server and later to another one, as the virtual address
 * of a primary does; and a network that can fall silent without closing a connection.
 */
final class MovingAddress implements AutoCloseable {
  private final ServerSocket listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile int target;
  private volatile boolean silent;

  MovingAddress(int target) throws IOException {
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.target = target;
    Thread.ofVirtual().start(this::acceptUntilClosed);
  }

  int port() {
    return listener.getLocalPort();
  }

  String uri() {
    return "redis://127.0.0.1:" + port();
  }

  /** Later connections lead to this port; those that exist are cut. */
  void moveTo(int port) {
    target = port;
    open.forEach(MovingAddress::close);
  }

  /** From now on nothing comes through, and nobody is told. */
  void fallSilent() {
    silent = true;
  }

  private void acceptUntilClosed() {
    while (!listener.isClosed()) {
      try {
        Socket near = listener.accept();
        open.add(near);
        Thread.ofVirtual().start(() -> join(near));
      } catch (IOException closedOrRefused) {
        Thread.onSpinWait();
      }
    }
  }

  private void join(Socket near) {
    try (near;
        Socket far = new Socket(InetAddress.getLoopbackAddress(), target)) {
      near.setTcpNoDelay(true);
      far.setTcpNoDelay(true);
      open.add(far);
      Thread back = Thread.ofVirtual().start(() -> pump(far, near));
      pump(near, far);
      back.join();
      open.remove(far);
    } catch (IOException refused) {
      // The near side sees the end of its connection.
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(near);
    }
  }

  private void pump(Socket from, Socket to) {
    byte[] buffer = new byte[1 << 14];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
        if (!silent) {
          out.write(buffer, 0, length);
        }
      }
    } catch (IOException broken) {
      // Both ends are closed below.
    }
    close(from);
    close(to);
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException gone) {
      // That is what was wanted.
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    open.forEach(MovingAddress::close);
  }
}
