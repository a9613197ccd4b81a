package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bouncer.cli.Tool;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A server on loopback, and {@code bouncer fetch} in a JVM of its own, which works in a folder. */
final class FetchSandbox implements AutoCloseable {
  static final Duration GIVE_UP = Duration.ofMinutes(2);
  private static final int REDIRECTS = 10_000;

  final Path directory;
  final Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
  final AtomicInteger inFlight = new AtomicInteger();
  final AtomicInteger mostInFlight = new AtomicInteger();

  /** Lets answers of the server go. */
  final Semaphore gate = new Semaphore(0);

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;

  record Ended(int code, String output, String errors) {}

  FetchSandbox(Path directory) throws IOException {
    this.directory = directory;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  @Override
  public void close() {
    gate.release(1_000_000);
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    int call = calls.computeIfAbsent(path, _ -> new AtomicInteger()).incrementAndGet();
    mostInFlight.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
    try (exchange) {
      switch (path.substring(1, path.indexOf('/', 1))) {
        case "page" -> answer(exchange, 200, "body of " + path);
        case "gated" -> {
          gate.acquireUninterruptibly();
          answer(exchange, 200, "body of " + path);
        }
        case "headers" ->
            answer(
                exchange,
                200,
                exchange.getRequestHeaders().get("X-Api-Key")
                    + " "
                    + exchange.getRequestHeaders().get("User-Agent"));
        case "missing" -> answer(exchange, 404, "no such page");
        case "flaky" -> answer(exchange, call == 1 ? 503 : 200, "body of " + path);
        case "around" -> {
          exchange.getResponseHeaders().add("Location", "/around/" + call);
          answer(exchange, 302, "");
        }
        case "hops" -> { // as many as the path says, then a page
          int hop = Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
          exchange
              .getResponseHeaders()
              .add("Location", hop == REDIRECTS ? "/page/end" : "/hops/" + (hop + 1));
          answer(exchange, 302, "");
        }
        case "lost" -> {
          exchange.getResponseHeaders().add("Location", "http://no-such-host.invalid/there");
          answer(exchange, 302, "");
        }
        case "moved" -> {
          exchange.getResponseHeaders().add("Location", "/page/there");
          answer(exchange, 301, "");
        }
        case "short" -> {
          exchange.sendResponseHeaders(200, 1_000);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
          inFlight.decrementAndGet();
          throw new IOException("cut short on purpose");
        }
        case "closed" -> {
          inFlight.decrementAndGet();
          throw new IOException("closed on purpose");
        }
        case "large" -> answer(exchange, 200, "x".repeat(5_000_000));
        case "half" -> {
          exchange.sendResponseHeaders(200, 1_000);
          exchange.getResponseBody().write(new byte[10]);
          exchange.getResponseBody().flush();
          gate.acquireUninterruptibly();
        }
        default -> answer(exchange, 400, "");
      }
    }
  }

  private void answer(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(UTF_8);
    inFlight.decrementAndGet();
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    if (bytes.length > 0) {
      exchange.getResponseBody().write(bytes);
    }
  }

  String url(String path) {
    return "http://127.0.0.1:" + server.getAddress().getPort() + path;
  }

  int calls(String path) {
    AtomicInteger counted = calls.get(path);
    return counted == null ? 0 : counted.get();
  }

  ProcessBuilder command(String... arguments) {
    String[] all = Stream.concat(Stream.of("fetch"), Stream.of(arguments)).toArray(String[]::new);
    return inDirectory(Tool.commandLine(all));
  }

  /** The command in a shell, after something that the shell does first. */
  ProcessBuilder commandAfter(String first, String... arguments) {
    String words =
        command(arguments).command().stream()
            .map(word -> "'" + word + "'")
            .collect(Collectors.joining(" "));
    return inDirectory(List.of("/bin/sh", "-c", first + "; exec " + words));
  }

  private ProcessBuilder inDirectory(List<String> words) {
    return new ProcessBuilder(words)
        .directory(directory.toFile())
        .redirectError(directory.resolve("errors").toFile());
  }

  Ended run(String input, String... arguments) throws Exception {
    return run(input, command(arguments));
  }

  Ended run(String input, ProcessBuilder command) throws Exception {
    Process process = command.start();
    Thread writer =
        Thread.ofVirtual()
            .start(() -> {
              try (OutputStream stdin = process.getOutputStream()) {
                stdin.write(input.getBytes(UTF_8));
              } catch (IOException enough) {
                // The command has read what it wanted.
              }
            });
    String output;
    try (InputStream stdout = process.getInputStream()) {
      output = new String(stdout.readAllBytes(), UTF_8);
    }
    Ended ended = ended(process, output);
    writer.join();
    return ended;
  }

  Ended ended(Process process, String output) throws Exception {
    try {
      assertTrue(process.waitFor(GIVE_UP.toSeconds(), TimeUnit.SECONDS), "the command hangs");
    } finally {
      process.destroyForcibly();
    }
    return new Ended(process.exitValue(), output, Files.readString(directory.resolve("errors")));
  }

  List<String> files(String folder) throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve(folder))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  List<String> report() throws IOException {
    return Files.readAllLines(directory.resolve("report.ndjson"));
  }

  int linesSoFar() throws IOException {
    return Files.exists(directory.resolve("report.ndjson")) ? report().size() : 0;
  }

  String lineOf(String url) throws IOException {
    List<String> lines =
        report().stream().filter(line -> line.contains("\"url\":\"" + url + "\"")).toList();
    assertEquals(1, lines.size(), () -> url + " in " + lines);
    return lines.getFirst();
  }
}
