package dev.bouncer.http;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/**
 * As much of an HTTP/2 server (RFC 9113) on loopback as tests need that say each frame themselves.
 * It does not look at the headers of requests, and its answers must fit into the first window.
 */
final class Http2Server implements AutoCloseable {
  static final int INTERNAL_ERROR = 0x2;
  static final int ENHANCE_YOUR_CALM = 0xb;

  private static final int PREFACE_BYTES = 24;
  private static final int DATA = 0x0;
  private static final int HEADERS = 0x1;
  private static final int RST_STREAM = 0x3;
  private static final int SETTINGS = 0x4;
  private static final int PING = 0x6;
  private static final int GOAWAY = 0x7;
  private static final int END_STREAM = 0x1;
  private static final int ACK = 0x1;
  private static final int END_HEADERS = 0x4;

  /** RFC 7541, appendix A: the name at place 8 is :status. */
  private static final int STATUS_NAME = 8;

  private final SSLServerSocket server;
  private final List<Stream> streams = new CopyOnWriteArrayList<>();
  private final List<Connection> connections = new CopyOnWriteArrayList<>();

  Http2Server(SSLContext tls) throws IOException {
    server =
        (SSLServerSocket)
            tls.getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    SSLParameters parameters = server.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {"h2"});
    server.setSSLParameters(parameters);
    Thread.ofVirtual().start(this::accept);
  }

  private void accept() {
    try {
      while (true) {
        Connection connection = new Connection((SSLSocket) server.accept());
        connections.add(connection);
        Thread.ofVirtual().start(connection::listen);
      }
    } catch (IOException closed) {
      // The test is over.
    }
  }

  /** All requests that have come, in their order. */
  List<Stream> streams() {
    return List.copyOf(streams);
  }

  /** Waits for a request. */
  Stream stream(int number) {
    Await.until("request " + number + " is there", () -> streams.size() > number);
    return streams.get(number);
  }

  int connections() {
    return connections.size();
  }

  URI uri(String path) {
    return URI.create("https://127.0.0.1:" + server.getLocalPort() + path);
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Connection connection : connections) {
      connection.socket.close();
    }
  }

  /** A request, and how it is answered. */
  static final class Stream {
    private final Connection connection;
    private final int id;
    private volatile boolean wasReset;

    private Stream(Connection connection, int id) {
      this.connection = connection;
      this.id = id;
    }

    void headers(int status, Map<String, String> more) throws IOException {
      ByteArrayOutputStream block = new ByteArrayOutputStream();
      block.write(STATUS_NAME);
      text(block, Integer.toString(status));
      for (Map.Entry<String, String> header : more.entrySet()) {
        block.write(0);
        text(block, header.getKey());
        text(block, header.getValue());
      }
      connection.send(HEADERS, END_HEADERS, id, block.toByteArray());
    }

    private static void text(ByteArrayOutputStream block, String text) {
      block.write(text.length()); // as it is, and shorter than 127
      block.writeBytes(text.getBytes(US_ASCII));
    }

    void piece(String text) throws IOException {
      connection.send(DATA, 0, id, text.getBytes(US_ASCII));
    }

    void lastPiece(String text) throws IOException {
      connection.send(DATA, END_STREAM, id, text.getBytes(US_ASCII));
    }

    void answer(int status, String body) throws IOException {
      headers(status, Map.of());
      lastPiece(body);
    }

    void reset(int error) throws IOException {
      connection.send(RST_STREAM, 0, id, number(error));
    }

    /** Says that this is the last request of its connection that gets an answer. */
    void goAwayAfterThis() throws IOException {
      ByteArrayOutputStream payload = new ByteArrayOutputStream();
      payload.writeBytes(number(id));
      payload.writeBytes(number(0));
      connection.send(GOAWAY, 0, 0, payload.toByteArray());
    }

    void disconnect() throws IOException {
      connection.socket.close();
    }

    /** Whether the client has said that it wants no more of the answer. */
    boolean wasReset() {
      return wasReset;
    }

    private static byte[] number(int value) {
      return new byte[] {
        (byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value
      };
    }
  }

  /** A connection with its streams. */
  private final class Connection {
    private final SSLSocket socket;
    private final Map<Integer, Stream> mine = new ConcurrentHashMap<>();

    Connection(SSLSocket socket) {
      this.socket = socket;
    }

    void listen() {
      try (socket) {
        DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        in.readFully(new byte[PREFACE_BYTES]);
        send(SETTINGS, 0, 0, new byte[0]);
        while (true) {
          int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
          int type = in.readUnsignedByte();
          int flags = in.readUnsignedByte();
          int id = in.readInt();
          byte[] payload = new byte[length];
          in.readFully(payload);
          take(type, flags, id, payload);
        }
      } catch (IOException gone) {
        // The client went away, or the test is over.
      }
    }

    private void take(int type, int flags, int id, byte[] payload) throws IOException {
      switch (type) {
        case HEADERS -> {
          Stream stream = new Stream(this, id);
          mine.put(id, stream);
          streams.add(stream);
        }
        case RST_STREAM -> {
          Stream stream = mine.get(id);
          if (stream != null) {
            stream.wasReset = true;
          }
        }
        case SETTINGS, PING -> {
          if ((flags & ACK) == 0) {
            send(type, ACK, 0, type == PING ? payload : new byte[0]);
          }
        }
        default -> {
          // Windows, priorities, the end of the connection: nothing to do.
        }
      }
    }

    private synchronized void send(int type, int flags, int id, byte[] payload) throws IOException {
      ByteArrayOutputStream frame = new ByteArrayOutputStream();
      DataOutputStream out = new DataOutputStream(frame);
      out.writeByte(payload.length >> 16);
      out.writeShort(payload.length);
      out.writeByte(type);
      out.writeByte(flags);
      out.writeInt(id);
      out.write(payload);
      socket.getOutputStream().write(frame.toByteArray());
      socket.getOutputStream().flush();
    }
  }
}
