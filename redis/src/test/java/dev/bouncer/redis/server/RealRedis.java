package dev.bouncer.redis.server;

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
public final class RealRedis implements AutoCloseable {
  private final Path folder;
  private final int port;
  private final List<String> arguments;
  private Process process;

  private RealRedis(Path folder, int port, List<String> arguments) {
    this.folder = folder;
    this.port = port;
    this.arguments = arguments;
  }

  /** Starts a server that keeps nothing on disk unless the options say so. */
  public static RealRedis start(String... options) {
    try {
      Path folder = Files.createTempDirectory("bouncer-redis-test");
      int port = freePort();
      List<String> arguments = new ArrayList<>();
      arguments.addAll(List.of("--port", "" + port, "--bind", "127.0.0.1"));
      arguments.addAll(List.of("--dir", folder.toString(), "--save", "", "--loglevel", "warning"));
      arguments.addAll(List.of(options));
      RealRedis redis = new RealRedis(folder, port, arguments);
      redis.startAgain();
      return redis;
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  /** Starts a Sentinel that alone decides when a replica takes over from a primary that is gone. */
  public static RealRedis startSentinel(String primaryName, int primaryPort) {
    try {
      Path folder = Files.createTempDirectory("bouncer-sentinel-test");
      int port = freePort();
      Path settings = folder.resolve("sentinel.conf");
      Files.writeString(
          settings,
          """
          port %2$d
          bind 127.0.0.1
          dir %4$s
          sentinel monitor %1$s 127.0.0.1 %3$d 1
          sentinel down-after-milliseconds %1$s 500
          sentinel failover-timeout %1$s 3000
          """
              .formatted(primaryName, port, primaryPort, folder));
      RealRedis sentinel = new RealRedis(folder, port, List.of(settings.toString(), "--sentinel"));
      sentinel.startAgain();
      return sentinel;
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  public void startAgain() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(executable());
    command.addAll(arguments);
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

  /** The installed server, else the one of the test dependency. */
  public static String executable() throws IOException {
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
  public RealRedis awaitUptime(int seconds) {
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

  public String uri() {
    return "redis://127.0.0.1:" + port;
  }

  public int port() {
    return port;
  }

  public long pid() {
    return process.pid();
  }

  /** Sends one command on a connection of its own and returns the raw beginning of the answer. */
  public String command(String... words) throws IOException {
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
  public long number(String semaphore, String field) {
    try {
      String answer = command("HGET", "bouncer:{" + semaphore + "}:state", field);
      return answer.startsWith("$-1") ? 0 : Long.parseLong(answer.split("\r\n", -1)[1]);
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }

  /** Follows a primary until told otherwise; returns when it has all of its data. */
  public void follow(int primary) throws IOException {
    command("REPLICAOF", "127.0.0.1", "" + primary);
    eventually("the replica follows", () -> replicates("master_link_status:up"));
  }

  /** Whether {@code INFO replication} says so. */
  public boolean replicates(String text) {
    return answers(text, "INFO", "replication");
  }

  /** Whether the answer to a command has this text in it. */
  public boolean answers(String text, String... command) {
    try {
      return command(command).contains(text);
    } catch (IOException away) {
      return false;
    }
  }

  /** Takes over as a primary, and sees nothing any more of what the former one does. */
  public void promote() throws IOException {
    String answer = command("REPLICAOF", "NO", "ONE");
    if (!answer.startsWith("+OK")) {
      throw new IOException("Redis refused to be promoted: answer=" + answer);
    }
  }

  public void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  /** Sends a signal by its name, as in {@code STOP} and {@code CONT}. */
  public static void signal(long pid, String name) throws Exception {
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
