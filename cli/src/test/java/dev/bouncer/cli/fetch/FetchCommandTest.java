package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bouncer.cli.Tool;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The whole command in a JVM of its own, against a server on loopback. */
@Timeout(180)
final class FetchCommandTest {
  private static final Duration GIVE_UP = Duration.ofMinutes(2);

  @TempDir private Path directory = Path.of("");

  private final Map<String, AtomicInteger> calls = new ConcurrentHashMap<>();
  private final AtomicInteger inFlight = new AtomicInteger();
  private final AtomicInteger mostInFlight = new AtomicInteger();
  private final Semaphore gate = new Semaphore(0);
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private HttpServer server;

  private record Ended(int code, String output, String errors) {}

  @BeforeEach
  void startServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  @AfterEach
  void stopServer() {
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

  private String url(String path) {
    return "http://127.0.0.1:" + server.getAddress().getPort() + path;
  }

  private int calls(String path) {
    AtomicInteger counted = calls.get(path);
    return counted == null ? 0 : counted.get();
  }

  private Process start(String... arguments) throws IOException {
    String[] all = Stream.concat(Stream.of("fetch"), Stream.of(arguments)).toArray(String[]::new);
    return new ProcessBuilder(Tool.commandLine(all))
        .directory(directory.toFile())
        .redirectError(directory.resolve("errors").toFile())
        .start();
  }

  private Ended run(String input, String... arguments) throws Exception {
    Process process = start(arguments);
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

  private Ended ended(Process process, String output) throws Exception {
    try {
      assertTrue(process.waitFor(GIVE_UP.toSeconds(), TimeUnit.SECONDS), "the command hangs");
    } finally {
      process.destroyForcibly();
    }
    return new Ended(process.exitValue(), output, Files.readString(directory.resolve("errors")));
  }

  private List<String> files(String folder) throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve(folder))) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private List<String> report() throws IOException {
    return Files.readAllLines(directory.resolve("report.ndjson"));
  }

  private int linesSoFar() throws IOException {
    return Files.exists(directory.resolve("report.ndjson")) ? report().size() : 0;
  }

  private String lineOf(String url) throws IOException {
    List<String> lines =
        report().stream().filter(line -> line.contains("\"url\":\"" + url + "\"")).toList();
    assertEquals(1, lines.size(), () -> url + " in " + lines);
    return lines.getFirst();
  }

  @Test
  void urlsFromStandardInput_becomeFiles_neverMoreThanNAtOnce() throws Exception {
    String urls =
        IntStream.range(0, 60)
            .mapToObj(i -> url("/page/" + i + ".txt") + "\n")
            .collect(Collectors.joining());
    Ended ended = run(urls, "-j", "3", "-o", "pages", "--report", "report.ndjson");
    assertEquals(0, ended.code(), ended::toString);
    assertEquals(60, files("pages").size());
    for (String name : files("pages")) {
      assertTrue(name.matches("127\\.0\\.0\\.1-\\d+-[0-9a-f]{16}\\.txt"), name);
      assertTrue(Files.readString(directory.resolve("pages").resolve(name)).startsWith("body of "));
    }
    assertEquals(60, report().size());
    assertTrue(mostInFlight.get() <= 3, () -> "in flight: " + mostInFlight);
    assertTrue(ended.errors().startsWith("bouncer: 60 fetched, 0 failed in "), ended::errors);
    assertTrue(ended.errors().contains("status 200: 60"), ended::errors);
    assertTrue(
        Pattern.compile("60 attempts, 0 refused .*p50 .*p99 ").matcher(ended.errors()).find());
    assertEquals("", ended.output());
  }

  @Test
  void eachKindOfFailure_isThatUrlsOwn_andTheReportTellsAll() throws Exception {
    List<String> urls =
        List.of(
            url("/page/a"),
            url("/missing/b"),
            "not a url",
            "ftp://example.org/",
            "http://127.0.0.1:1/nobody",
            "http://no-such-host.invalid/",
            url("/around/0"),
            url("/short/c"),
            url("/moved/d"),
            url("/flaky/e"),
            "",
            url("/page/last"));
    Ended ended =
        run(
            String.join("\n", urls) + "\n",
            "--retries",
            "1",
            "-o",
            "pages",
            "--report",
            "report.ndjson");
    assertEquals(1, ended.code(), ended::toString);
    assertEquals(11, report().size(), () -> ended.errors());
    assertEquals(4, files("pages").size(), () -> ended.errors());
    assertTrue(ended.errors().startsWith("bouncer: 4 fetched, 7 failed in "), ended::errors);
    assertTrue(lineOf(url("/page/a")).contains("\"ok\":true,\"status\":200,\"file\":\"pages"));
    assertTrue(
        lineOf(url("/missing/b")).contains("\"ok\":false,\"status\":404,\"error\":\"status 404\""));
    assertTrue(lineOf("not a url").contains("URL must be well-formed"));
    assertTrue(lineOf("ftp://example.org/").contains("URL must start with http"));
    assertTrue(lineOf("http://127.0.0.1:1/nobody").contains("\"error\":\"cannot connect"));
    assertTrue(lineOf("http://127.0.0.1:1/nobody").contains("\"attempts\":2"));
    assertTrue(lineOf("http://no-such-host.invalid/").contains("host is unknown"));
    assertTrue(lineOf(url("/around/0")).contains("redirects must be at most maxRedirects=20"));
    assertTrue(lineOf(url("/short/c")).contains("\"ok\":false,\"error\":\""));
    assertTrue(lineOf(url("/short/c")).contains("\"attempts\":2"));
    assertTrue(lineOf(url("/moved/d")).contains("\"redirectedTo\":\"" + url("/page/there")));
    assertTrue(lineOf(url("/flaky/e")).contains("\"ok\":true"));
    assertEquals(2, calls("/flaky/e"));
  }

  @Test
  void headersOfAFile_areSent_andWrongOnesAreNotRepeatedInMessages() throws Exception {
    Files.writeString(
        directory.resolve("headers"), "# secret\n\nX-Api-Key:  abc:1 \nUser-Agent: mine\n");
    Ended ended = run("", "-o", "-", "--headers", "headers", url("/headers/1"));
    assertEquals("[abc:1] [mine]", ended.output(), ended::toString);
    Files.writeString(directory.resolve("headers"), "X-Api-Key: abc\nhunter2\n");
    Ended wrong = run("", "--headers", "headers", url("/headers/1"));
    assertEquals(2, wrong.code(), wrong::toString);
    assertTrue(
        wrong.errors().contains("header must be like 'Name: value': line=2 --headers=headers"),
        wrong::toString);
    assertFalse(wrong.errors().contains("hunter2"), wrong::toString);
    Files.writeString(directory.resolve("headers"), "Host: example.org\n");
    assertTrue(
        run("", "--headers", "headers", url("/headers/1"))
            .errors()
            .contains("header must be one that can be set: line=1"));
  }

  @Test
  void standardOutput_getsWholeBodies() throws Exception {
    Ended ended =
        run("", "-o", "-", "--retries", "0", url("/page/a"), url("/short/b"), url("/page/c"));
    assertEquals(1, ended.code());
    assertEquals(
        "body of /page/abody of /page/c".length(), ended.output().length(), ended::toString);
    assertTrue(ended.output().contains("body of /page/a"));
    assertTrue(ended.output().contains("body of /page/c"));
  }

  @Test
  void resume_fetchesWhatIsMissingAndNothingElse() throws Exception {
    Ended first =
        run(
            url("/page/a") + "\n" + url("/missing/b") + "\n",
            "-o",
            "pages",
            "--report",
            "report.ndjson");
    assertEquals(1, first.code());
    // What a machine that lost its power may leave: half a line, and a part of a file.
    Path report = directory.resolve("report.ndjson");
    Files.writeString(report, Files.readString(report) + "{\"url\":\"http://to");
    Path part = Files.writeString(directory.resolve("pages/.bouncer-1-ab-1.part"), "half");
    Files.setLastModifiedTime(part, FileTime.from(Instant.EPOCH));
    Ended second =
        run(
            url("/page/a") + "\n" + url("/missing/b") + "\n" + url("/page/c"),
            "-o",
            "pages",
            "--report",
            "report.ndjson",
            "--resume");
    assertEquals(1, second.code(), second::toString);
    assertTrue(
        second.errors().startsWith("bouncer: 1 fetched, 1 failed, 1 here already"), second::errors);
    assertEquals(1, calls("/page/a"));
    assertEquals(2, calls("/missing/b"));
    assertEquals(1, calls("/page/c"));
    assertEquals(4, report().size());
    assertEquals(2, files("pages").size());

    // What a kill between the file and its line leaves: the report is made whole.
    Files.writeString(report, "");
    Ended third = run("", "-o", "pages", "--report", "report.ndjson", "--resume", url("/page/a"));
    assertEquals(0, third.code(), third::toString);
    assertEquals(1, calls("/page/a"));
    assertTrue(lineOf(url("/page/a")).contains("\"ok\":true"));
  }

  @Test
  void partOfAnotherRun_isLeftAlone() throws Exception {
    Path pages = Files.createDirectories(directory.resolve("pages"));
    Path live = Files.writeString(pages.resolve(".bouncer-1-ab-1.part"), "half");
    Files.setLastModifiedTime(
        live, FileTime.from(Instant.EPOCH)); // before the lock: it would end it
    try (FileChannel other = FileChannel.open(live, StandardOpenOption.WRITE);
        FileLock _ = other.lock()) {
      assertEquals(0, run("", "-o", "pages", url("/page/a")).code());
      assertTrue(Files.exists(live));
    }
  }

  @Test
  void resume_toStandardOutput_goesByTheReport() throws Exception {
    run("", "-o", "-", "--report", "report.ndjson", url("/page/a"));
    Ended second =
        run("", "-o", "-", "--report", "report.ndjson", "--resume", url("/page/a"), url("/page/b"));
    assertEquals("body of /page/b", second.output());
    assertEquals(1, calls("/page/a"));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void terminated_leavesNoPartAndResumeDoesTheRest() throws Exception {
    String urls =
        IntStream.range(0, 10).mapToObj(i -> url("/page/" + i) + "\n").collect(Collectors.joining())
            + url("/half/1")
            + "\n"
            + IntStream.range(0, 30)
                .mapToObj(i -> url("/gated/" + i) + "\n")
                .collect(Collectors.joining());
    File input = directory.resolve("urls").toFile();
    Files.writeString(input.toPath(), urls);
    Process process =
        new ProcessBuilder(
                Tool.commandLine("fetch", "-j", "4", "-o", "pages", "--report", "report.ndjson"))
            .directory(directory.toFile())
            .redirectInput(input)
            .redirectError(directory.resolve("errors").toFile())
            .start();
    long start = System.nanoTime();
    while (inFlight.get() < 4 || calls.size() < 14 || linesSoFar() < 10) {
      assertTrue(System.nanoTime() - start < GIVE_UP.toNanos(), () -> "calls: " + calls.keySet());
      LockSupport.parkNanos(1_000_000); // only to be polite; nothing depends on it
    }
    process.destroy();
    Ended ended = ended(process, "");
    assertEquals(143, ended.code(), ended::toString);
    assertTrue(ended.errors().contains("bouncer: stopped: 10 done, 31 cut off"), ended::errors);
    assertEquals(10, files("pages").size(), () -> "no part is left: " + ended);
    assertEquals(10, report().size());
    gate.release(1_000);
    Process again =
        new ProcessBuilder(
                Tool.commandLine(
                    "fetch",
                    "-j",
                    "4",
                    "-o",
                    "pages",
                    "--report",
                    "report.ndjson",
                    "--resume",
                    "--retries",
                    "0"))
            .directory(directory.toFile())
            .redirectInput(input)
            .redirectError(directory.resolve("errors").toFile())
            .start();
    Ended rest = ended(again, "");
    assertEquals(1, rest.code(), rest::toString); // half a body is still half a body
    assertTrue(
        rest.errors().startsWith("bouncer: 30 fetched, 1 failed, 10 here already"), rest::errors);
    for (int i = 0; i < 10; i++) {
      assertEquals(1, calls("/page/" + i));
    }
    assertEquals(40, files("pages").size());
  }

  @Test
  void readerOfStandardOutputGone_endsQuietly() throws Exception {
    Process process = start("-o", "-", "-j", "1", url("/large/1"), url("/large/2"));
    try (InputStream stdout = process.getInputStream()) {
      assertEquals('x', stdout.read());
    }
    Ended ended = ended(process, "");
    assertEquals(141, ended.code(), ended::toString);
    assertFalse(ended.errors().contains("error"), ended::toString);
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void fullDisk_failsTheUrlsAndGoesOn() throws Exception {
    // The first body meets a file that no byte can be written to; the second one meets none.
    Path pages = Files.createDirectories(directory.resolve("pages"));
    Process process =
        new ProcessBuilder(
                "/bin/sh",
                "-c",
                "ulimit -f 2; exec "
                    + Tool.commandLine(
                            "fetch",
                            "-j",
                            "1",
                            "-o",
                            "pages",
                            "--report",
                            "report.ndjson",
                            url("/large/1"),
                            url("/page/2"))
                        .stream()
                        .map(word -> "'" + word + "'")
                        .collect(Collectors.joining(" ")))
            .directory(directory.toFile())
            .redirectError(directory.resolve("errors").toFile())
            .start();
    Ended ended = ended(process, "");
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(ended.errors().startsWith("bouncer: 1 fetched, 1 failed in "), ended::errors);
    assertTrue(lineOf(url("/large/1")).contains("File too large"), ended::errors);
    assertTrue(lineOf(url("/large/1")).contains("\"attempts\":1"), ended::errors);
    assertEquals(1, files(pages.getFileName().toString()).size());
  }

  @Test
  void wrongCommandLines_areExplained() throws Exception {
    Files.writeString(directory.resolve("old.ndjson"), "");
    Map<List<String>, String> wrong =
        Map.of(
            List.of("-j", "0"), "number of calls must be at least 1: --jobs=0",
            List.of("--rate", "0/s"), "rate must be like 50/s, 300/m or 10/2s, and above zero",
            List.of("--retries", "-1"), "number of retries must be at least 0: --retries=-1",
            List.of("-o", "-", "--resume"), "--resume needs --report FILE",
            List.of("--report", "old.ndjson"),
                "report must be a new file unless --resume is given");
    for (Map.Entry<List<String>, String> line : wrong.entrySet()) {
      Ended ended = run("", line.getKey().toArray(String[]::new));
      assertEquals(2, ended.code(), ended::toString);
      assertTrue(ended.errors().contains(line.getValue()), ended::toString);
    }
  }
}
