package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever is wrong with one URL: it gets an error that says what, all others are fetched, and the
 * report tells all.
 */
@Timeout(180)
final class FetchBadInputTest {
  @TempDir private Path directory = Path.of("");
  private FetchSandbox fetch;

  @BeforeEach
  void begin() throws IOException {
    fetch = new FetchSandbox(directory);
  }

  @AfterEach
  void end() {
    fetch.close();
  }

  /**
   * Fetches the bad ones between good ones, and proves all that is promised.
   *
   * @param bad the URLs, and how their lines in the report go on after them
   */
  private FetchSandbox.Ended proveBetweenGoodOnes(Map<String, String> bad, String... options)
      throws Exception {
    List<String> urls = new ArrayList<>();
    for (String url : bad.keySet()) {
      urls.add(fetch.url("/page/before-" + urls.size()));
      urls.add(url);
    }
    urls.add(fetch.url("/page/last"));
    List<String> words = new ArrayList<>(List.of(options));
    words.addAll(List.of("-o", "pages", "--report", "report.ndjson"));
    FetchSandbox.Ended ended =
        fetch.run(String.join("\n", urls) + "\n", words.toArray(String[]::new));
    for (Map.Entry<String, String> wrong : bad.entrySet()) {
      String shown = wrong.getKey().replaceFirst("//.*@", "//***@");
      assertEquals(
          "{\"url\":\"" + shown + "\",\"ok\":false," + wrong.getValue(),
          told(shown),
          ended::errors);
    }
    int good = bad.size() + 1;
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(
        ended.errors().startsWith("bouncer: %d fetched, %d failed in ".formatted(good, bad.size())),
        ended::errors);
    assertEquals(urls.size(), fetch.report().size());
    List<String> files = fetch.files("pages");
    assertEquals(good, files.size(), files::toString);
    for (String file : files) {
      String body = Files.readString(directory.resolve("pages").resolve(file));
      assertTrue(body.startsWith("body of /page/"), body);
    }
    return ended;
  }

  /** The line of a URL without its times. */
  private String told(String url) throws IOException {
    return fetch.lineOf(url).replaceFirst(",\"waitedMs\".*", "");
  }

  /** A server that says the same to everybody, and then no more. */
  private static ServerSocket saying(String text) throws IOException {
    ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(() -> {
          while (!server.isClosed()) {
            try (Socket socket = server.accept()) {
              socket.getInputStream().read();
              socket.getOutputStream().write(text.getBytes(ISO_8859_1));
              socket.shutdownOutput();
              socket.getInputStream().readAllBytes();
            } catch (IOException gone) {
              // The client has had enough, or the test is over.
            }
          }
        });
    return server;
  }

  private static String url(ServerSocket server) {
    return "http://127.0.0.1:" + server.getLocalPort() + "/";
  }

  @Test
  void malformedUrl_isToldWithWhatIsWrong() throws Exception {
    FetchSandbox.Ended ended =
        proveBetweenGoodOnes(
            Map.of(
                "not a url",
                "\"error\":\"URL must be well-formed: Illegal character in path after character"
                    + " 3\",\"attempts\":0",
                "http://",
                "\"error\":\"URL must be well-formed: Expected authority after character"
                    + " 7\",\"attempts\":0",
                "ftp://example.org/",
                "\"error\":\"URL must start with http:// or https://\",\"attempts\":0",
                "example.org/page",
                "\"error\":\"URL must start with http:// or https://\",\"attempts\":0",
                "http:///page",
                "\"error\":\"URL must name a host that is spelled as the network"
                    + " does\",\"attempts\":0",
                "http://127.0.0.1:65536/",
                "\"error\":\"URL must have a port up to 65535: port=65536\",\"attempts\":0",
                "http://user:hunter2@127.0.0.1/",
                "\"error\":\"URL must not contain a user or password; --headers can send"
                    + " them\",\"attempts\":0"));
    assertTrue(
        ended
            .errors()
            .contains(
                "    URL must be well-formed: Illegal character in path after character 3: not a"
                    + " url\n"),
        ended::errors);
    assertFalse(ended.errors().contains("hunter2"), ended::errors);
  }

  @Test
  void listFromAnotherSystem_withALineThatIsTooLong_isReadAsWhatItMeans() throws Exception {
    String page = fetch.url("/page/first");
    FetchSandbox.Ended ended =
        fetch.run(
            "\ufeff" + page + "\r\n" + fetch.url("/page/" + "x".repeat(200_000)) + "\r\n",
            "-o",
            "pages",
            "--report",
            "report.ndjson");
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(ended.errors().startsWith("bouncer: 1 fetched, 1 failed in "), ended::errors);
    assertTrue(ended.errors().contains("    URL must be short enough: "), ended::errors);
    assertTrue(told(page).contains("\"ok\":true"));
    assertEquals(1, fetch.calls.size(), () -> "not the beginning of the long one: " + fetch.calls);
  }

  @Test
  void unreachableHost_isTold_alsoBehindARedirect() throws Exception {
    FetchSandbox.Ended ended =
        proveBetweenGoodOnes(
            Map.of(
                "http://127.0.0.1:1/nobody",
                "\"error\":\"cannot connect: nobody listens there\",\"attempts\":2",
                "http://no-such-host.invalid/",
                "\"error\":\"host is unknown\",\"attempts\":1",
                fetch.url("/lost/1"),
                "\"error\":\"host is unknown\",\"redirectedTo\":\"http://no-such-host.invalid/there\""
                    + ",\"attempts\":2"),
            "--retries",
            "1");
    assertTrue(ended.errors().contains("no answer: 3\n"), ended::errors);
    assertTrue(
        ended
            .errors()
            .contains(
                "    host is unknown: "
                    + fetch.url("/lost/1")
                    + " -> http://no-such-host.invalid/there\n"),
        ended::errors);
  }

  @Test
  void serverThatSaysNothing_orStopsInTheMiddle_isGivenUp() throws Exception {
    proveBetweenGoodOnes(
        Map.of(
            fetch.url("/gated/1"),
            "\"error\":\"no answer: nothing came for 3s\",\"attempts\":2",
            fetch.url("/half/1"),
            "\"status\":200,\"error\":\"body was cut short: nothing came for 3s\",\"attempts\":2"),
        "--timeout",
        "3s",
        "--retries",
        "1");
  }

  @Test
  void serverThatIsNone_isTold() throws Exception {
    try (ServerSocket server = saying("220 mail\r\n\r\n")) {
      proveBetweenGoodOnes(
          Map.of(
              url(server),
              "\"error\":\"Invalid status line: \\\"220 mail\\\"\",\"attempts\":1",
              fetch.url("/closed/1"),
              "\"error\":\"no answer: the server closed the connection\",\"attempts\":1"),
          "--retries",
          "0");
    }
  }

  @Test
  void bodyCutShort_isNoFile() throws Exception {
    try (ServerSocket server =
        saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nstart\r\n")) {
      FetchSandbox.Ended ended =
          proveBetweenGoodOnes(
              Map.of(
                  fetch.url("/short/1"),
                  "\"status\":200,\"error\":\"body was cut short: fixed content-length: 1000, bytes"
                      + " received: 10\",\"attempts\":2",
                  url(server),
                  "\"status\":200,\"error\":\"body was cut short: chunked transfer encoding, state:"
                      + " READING_LENGTH\",\"attempts\":2"),
              "--retries",
              "1");
      assertTrue(ended.errors().contains("status 200: 5\n"), ended::errors);
    }
  }

  @Test
  void tenThousandRedirects_endAtTheBound() throws Exception {
    proveBetweenGoodOnes(
        Map.of(
            fetch.url("/hops/1"),
            "\"status\":302,\"error\":\"redirects must be at most maxRedirects=20: uri=%s next=%s\",\"redirectedTo\":\"%s\",\"attempts\":21"
                .formatted(fetch.url("/hops/1"), fetch.url("/hops/22"), fetch.url("/hops/21"))));
    assertEquals(1, fetch.calls("/hops/21"));
    assertEquals(0, fetch.calls("/hops/22"));
  }

  @Test
  void statusOfAFailure_andPagesThatRecover_areTold() throws Exception {
    String flaky = fetch.url("/flaky/1");
    String moved = fetch.url("/moved/1");
    FetchSandbox.Ended ended =
        fetch.run(
            String.join("\n", fetch.url("/missing/1"), "", flaky, moved),
            "-o",
            "pages",
            "--report",
            "report.ndjson");
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(ended.errors().startsWith("bouncer: 2 fetched, 1 failed in "), ended::errors);
    assertEquals(3, fetch.report().size());
    assertEquals(
        "{\"url\":\""
            + fetch.url("/missing/1")
            + "\",\"ok\":false,\"status\":404,\"error\":\"status 404\",\"attempts\":1",
        told(fetch.url("/missing/1")));
    assertTrue(told(flaky).startsWith("{\"url\":\"" + flaky + "\",\"ok\":true,\"status\":200,"));
    assertTrue(told(flaky).endsWith(",\"attempts\":2"), told(flaky));
    assertTrue(told(moved).contains("\"redirectedTo\":\"" + fetch.url("/page/there")), told(moved));
  }

  /** The limit of the size of a file stands for the end of a disk: the same calls fail. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void fullDisk_failsTheUrlsThatDoNotFit() throws Exception {
    FetchSandbox.Ended ended =
        fetch.run(
            "",
            fetch.commandAfter(
                "ulimit -f 2",
                "-j",
                "1",
                "-o",
                "pages",
                "--report",
                "report.ndjson",
                fetch.url("/large/1"),
                fetch.url("/page/2")));
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(ended.errors().startsWith("bouncer: 1 fetched, 1 failed in "), ended::errors);
    assertTrue(
        ended
            .errors()
            .contains("    cannot write the body: File too large: " + fetch.url("/large/1") + "\n"),
        ended::errors);
    assertEquals(
        "{\"url\":\""
            + fetch.url("/large/1")
            + "\",\"ok\":false,\"status\":200,\"error\":\"cannot write the body: File too"
            + " large\",\"attempts\":1",
        told(fetch.url("/large/1")));
    assertTrue(told(fetch.url("/page/2")).contains("\"ok\":true"));
    assertEquals(1, fetch.files("pages").size());
    assertEquals(2, fetch.report().size());
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void fullDiskUnderTheReport_fetchesAllAndTellsWhatIsMissing_resumeMakesUpForIt()
      throws Exception {
    String urls =
        IntStream.range(0, 30)
            .mapToObj(i -> fetch.url("/page/" + i) + "\n")
            .collect(Collectors.joining());
    String[] options = {"-j", "2", "-o", "pages", "--report", "report.ndjson", "--resume"};
    FetchSandbox.Ended full = fetch.run(urls, fetch.commandAfter("ulimit -f 2", options));
    assertEquals(1, full.code(), full::toString);
    int lines = fetch.report().size();
    assertTrue(lines > 0 && lines < 30, full::toString);
    assertTrue(Files.readString(directory.resolve("report.ndjson")).endsWith("}\n"));
    assertTrue(
        full.errors()
            .startsWith(
                "bouncer: report is not complete: missing lines=%d: File too large; --resume makes up for them\nbouncer: 30 fetched, 0 failed in "
                    .formatted(30 - lines)),
        full::errors);
    FetchSandbox.Ended rest = fetch.run(urls, options);
    assertEquals(0, rest.code(), rest::toString);
    assertTrue(
        rest.errors().startsWith("bouncer: 0 fetched, 0 failed, 30 here already in "),
        rest::errors);
    for (int i = 0; i < 30; i++) {
      assertEquals(1, fetch.calls("/page/" + i));
      assertTrue(told(fetch.url("/page/" + i)).contains("\"ok\":true"));
    }
    assertEquals(30, fetch.report().size());
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void fullDiskUnderAReportOfWhichMemoryHoldsTooMuch_stopsAndResumeLosesNothing() throws Exception {
    String urls =
        IntStream.range(0, 20)
            .mapToObj(i -> "x".repeat(100_000) + i + "\n")
            .collect(Collectors.joining("", fetch.url("/page/first") + "\n", ""));
    urls += fetch.url("/page/last");
    String[] options = {"-j", "1", "-o", "pages", "--report", "report.ndjson", "--resume"};
    FetchSandbox.Ended stopped = fetch.run(urls, fetch.commandAfter("ulimit -f 2", options));
    assertEquals(1, stopped.code(), stopped::toString);
    assertTrue(
        stopped.errors().startsWith("bouncer: stopped: cannot write the report: File too large\n"),
        stopped::errors);
    assertTrue(
        stopped.errors().contains("bouncer: report is not complete: missing lines="),
        stopped::errors);
    assertEquals(0, fetch.calls("/page/last"));
    FetchSandbox.Ended rest = fetch.run(urls, options);
    assertEquals(1, rest.code(), rest::toString); // what is no URL is none
    assertEquals(1, fetch.calls("/page/last"));
    assertEquals(22, fetch.report().size());
  }

  @Test
  @DisabledOnOs({OS.WINDOWS, OS.MAC})
  void fullDiskUnderStandardOutput_stops() throws Exception {
    FetchSandbox.Ended ended =
        fetch.run(
            "", fetch.commandAfter("exec > /dev/full", "-o", "-", "-j", "1", fetch.url("/page/1")));
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(
        ended
            .errors()
            .startsWith(
                "bouncer: stopped: cannot write to standard output: No space left on device\n"),
        ended::errors);
  }

  @Test
  void wrongCommandLines_areExplainedAndFetchNothing() throws Exception {
    Files.writeString(directory.resolve("old.ndjson"), "");
    String rate = "rate must be like 50/s, 300/m or 10/2s, and above zero: ";
    Map<List<String>, String> wrong =
        Map.ofEntries(
            Map.entry(List.of("-j", "0"), "number of calls must be at least 1: --jobs=0"),
            Map.entry(List.of("--rate", "0/s"), rate + "'0/s'"),
            Map.entry(List.of("--rate", "0"), rate + "'0'"),
            Map.entry(List.of("--rate", "-1/s"), rate + "'-1/s'"),
            Map.entry(List.of("--rate", "5/0s"), "time must be above zero: '0s'"),
            Map.entry(
                List.of("--per-host", "0"),
                "number of calls to one host must be at least 1: --per-host=0"),
            Map.entry(
                List.of("--retries", "-1"), "number of retries must be at least 0: --retries=-1"),
            Map.entry(List.of("-o", "-", "--resume"), "--resume needs --report FILE"),
            Map.entry(
                List.of("--report", "old.ndjson"),
                "report must be a new file unless --resume is given: --report=old.ndjson"),
            Map.entry(
                List.of("--limit", "redis://cache/api"),
                "'--limit': limit must be redis://HOST:PORT/NAME=N: limit=redis://cache/api (see"),
            Map.entry(
                List.of("--limit", "redis://:hunter2@cache:70000/api=5"),
                "limit must be redis://HOST:PORT/NAME=N: limit=redis://***@cache:70000/api=5"));
    for (Map.Entry<List<String>, String> line : wrong.entrySet()) {
      List<String> words = new ArrayList<>(line.getKey());
      words.add(fetch.url("/page/1"));
      FetchSandbox.Ended ended = fetch.run("", words.toArray(String[]::new));
      assertEquals(2, ended.code(), ended::toString);
      assertTrue(ended.errors().startsWith("bouncer fetch: "), ended::toString);
      assertTrue(ended.errors().contains(line.getValue()), ended::toString);
      assertEquals(1, ended.errors().lines().count(), ended::toString);
    }
    assertEquals(0, fetch.calls("/page/1"));
  }
}
