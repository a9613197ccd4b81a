package dev.bouncer.redis;

import static dev.bouncer.law.Eventually.eventually;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import redis.embedded.core.ExecutableProvider;

/**
 * A Redis of its own on loopback: the installed {@code redis-server}, or the one that the test
 * dependency brings along. Can be killed, paused and started again on the same port.
 */
final class RealRedis implements AutoCloseable {
  private final Path folder;
  private final int port;
  private final List<String> options;
  private Process process;

  private RealRedis(int port, List<String> options) throws IOException {
    this.folder = Files.createTempDirectory("bouncer-redis-test");
    this.port = port;
    this.options = options;
  }

  /** Starts a server that keeps nothing on disk unless the options say so. */
  static RealRedis start(String... options) {
    try {
      RealRedis redis = new RealRedis(freePort(), List.of(options));
      redis.startAgain();
      return redis;
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  void startAgain() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(executable());
    command.addAll(List.of("--port", "" + port, "--bind", "127.0.0.1", "--dir", folder.toString()));
    command.addAll(List.of("--save", "", "--loglevel", "warning"));
    command.addAll(options);
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    long start = System.nanoTime();
    while (!answers()) {
      if (!process.isAlive() || System.nanoTime() - start > TimeUnit.MINUTES.toNanos(1)) {
        throw new IOException("Redis did not start: " + Files.readString(folder.resolve("log")));
      }
      Thread.onSpinWait();
    }
  }

  private static String executable() throws IOException {
    for (String directory :
        System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      Path candidate = Path.of(directory, "redis-server");
      if (!Boolean.getBoolean("bouncer.embeddedRedis") && Files.isExecutable(candidate)) {
        return candidate.toString();
      }
    }
    return ExecutableProvider.newJarResourceProvider().get().getAbsolutePath();
  }

  private boolean answers() {
    try {
      return command("PING").startsWith("+PONG");
    } catch (IOException notYet) {
      return false;
    }
  }

  /**
   * Waits until the server has been up for so long: one that is younger than a grace grants
   * nothing, because holders from before its start may come back.
   */
  RealRedis awaitUptime(int seconds) {
    eventually(
        "Redis is up for " + seconds + " s",
        () -> {
          try {
            return Integer.parseInt(
                    command("INFO", "server").replaceAll("(?s).*uptime_in_seconds:(\\d+).*", "$1"))
                >= seconds;
          } catch (IOException broken) {
            throw new UncheckedIOException(broken);
          }
        });
    return this;
  }

  String uri() {
    return "redis://127.0.0.1:" + port;
  }

  int port() {
    return port;
  }

  long pid() {
    return process.pid();
  }

  /** Sends one command on a connection of its own and returns the raw beginning of the answer. */
  String command(String... words) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1_000);
      socket.setSoTimeout(10_000);
      StringBuilder request = new StringBuilder("*" + words.length + "\r\n");
      for (String word : words) {
        request.append("$").append(word.getBytes(StandardCharsets.UTF_8).length).append("\r\n");
        request.append(word).append("\r\n");
      }
      socket.getOutputStream().write(request.toString().getBytes(StandardCharsets.UTF_8));
      byte[] buffer = new byte[1 << 16];
      int length = socket.getInputStream().read(buffer);
      return new String(buffer, 0, Math.max(0, length), StandardCharsets.UTF_8);
    }
  }

  /** A number in the books of a semaphore; zero if Redis knows nothing of it. */
  long number(String semaphore, String field) {
    try {
      String answer = command("HGET", "bouncer:{" + semaphore + "}:state", field);
      return answer.startsWith("$-1") ? 0 : Long.parseLong(answer.split("\r\n", -1)[1]);
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }

  /** Follows a primary until told otherwise; returns when it has all of its data. */
  void follow(int primary) throws IOException {
    command("REPLICAOF", "127.0.0.1", "" + primary);
    eventually(
        "the replica follows",
        () -> {
          try {
            return command("INFO", "replication").contains("master_link_status:up");
          } catch (IOException broken) {
            throw new UncheckedIOException(broken);
          }
        });
  }

  /** Takes over as a primary, and sees nothing any more of what the former one does. */
  void promote() throws IOException {
    String answer = command("REPLICAOF", "NO", "ONE");
    if (!answer.startsWith("+OK")) {
      throw new IOException("Redis refused to be promoted: answer=" + answer);
    }
  }

  void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  /** Sends a signal by its name, as in {@code STOP} and {@code CONT}. */
  static void signal(long pid, String name) throws Exception {
    int code = new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor();
    if (code != 0) {
      throw new IllegalStateException("kill failed: pid=" + pid + " signal=" + name);
    }
  }

  @Override
  public void close() {
    kill();
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
