package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
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

  @Test
  void urlsFromStandardInput_becomeFiles_neverMoreThanNAtOnce() throws Exception {
    String urls =
        IntStream.range(0, 60)
            .mapToObj(i -> fetch.url("/page/" + i + ".txt") + "\n")
            .collect(Collectors.joining());
    FetchSandbox.Ended ended =
        fetch.run(urls, "-j", "3", "-o", "pages", "--report", "report.ndjson");
    assertEquals(0, ended.code(), ended::toString);
    assertEquals(60, fetch.files("pages").size());
    for (String name : fetch.files("pages")) {
      assertTrue(name.matches("127\\.0\\.0\\.1-\\d+-[0-9a-f]{16}\\.txt"), name);
      assertTrue(Files.readString(directory.resolve("pages").resolve(name)).startsWith("body of "));
    }
    assertEquals(60, fetch.report().size());
    assertTrue(fetch.mostInFlight.get() <= 3, () -> "in flight: " + fetch.mostInFlight);
    assertTrue(ended.errors().startsWith("bouncer: 60 fetched, 0 failed in "), ended::errors);
    assertTrue(ended.errors().contains("status 200: 60"), ended::errors);
    assertTrue(
        Pattern.compile("60 attempts, 0 refused .*p50 .*p99 ").matcher(ended.errors()).find());
    assertEquals("", ended.output());
  }

  @Test
  void headersOfAFile_areSent_andWrongOnesAreNotRepeatedInMessages() throws Exception {
    Files.writeString(
        directory.resolve("headers"), "# secret\n\nX-Api-Key:  abc:1 \nUser-Agent: mine\n");
    FetchSandbox.Ended ended =
        fetch.run("", "-o", "-", "--headers", "headers", fetch.url("/headers/1"));
    assertEquals("[abc:1] [mine]", ended.output(), ended::toString);
    Files.writeString(directory.resolve("headers"), "X-Api-Key: abc\nhunter2\n");
    FetchSandbox.Ended wrong = fetch.run("", "--headers", "headers", fetch.url("/headers/1"));
    assertEquals(2, wrong.code(), wrong::toString);
    assertTrue(
        wrong.errors().contains("header must be like 'Name: value': line=2 --headers=headers"),
        wrong::toString);
    assertFalse(wrong.errors().contains("hunter2"), wrong::toString);
    Files.writeString(directory.resolve("headers"), "Host: example.org\n");
    assertTrue(
        fetch
            .run("", "--headers", "headers", fetch.url("/headers/1"))
            .errors()
            .contains("header must be one that can be set: line=1"));
  }

  @Test
  void standardOutput_getsWholeBodies() throws Exception {
    FetchSandbox.Ended ended =
        fetch.run(
            "",
            "-o",
            "-",
            "--retries",
            "0",
            fetch.url("/page/a"),
            fetch.url("/short/b"),
            fetch.url("/page/c"));
    assertEquals(1, ended.code());
    assertEquals(
        "body of /page/abody of /page/c".length(), ended.output().length(), ended::toString);
    assertTrue(ended.output().contains("body of /page/a"));
    assertTrue(ended.output().contains("body of /page/c"));
  }

  @Test
  void resume_fetchesWhatIsMissingAndNothingElse() throws Exception {
    FetchSandbox.Ended first =
        fetch.run(
            fetch.url("/page/a") + "\n" + fetch.url("/missing/b") + "\n",
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
    FetchSandbox.Ended second =
        fetch.run(
            fetch.url("/page/a") + "\n" + fetch.url("/missing/b") + "\n" + fetch.url("/page/c"),
            "-o",
            "pages",
            "--report",
            "report.ndjson",
            "--resume");
    assertEquals(1, second.code(), second::toString);
    assertTrue(
        second.errors().startsWith("bouncer: 1 fetched, 1 failed, 1 here already"), second::errors);
    assertEquals(1, fetch.calls("/page/a"));
    assertEquals(2, fetch.calls("/missing/b"));
    assertEquals(1, fetch.calls("/page/c"));
    assertEquals(4, fetch.report().size());
    assertEquals(2, fetch.files("pages").size());

    // What a kill between the file and its line leaves: the report is made whole.
    Files.writeString(report, "");
    FetchSandbox.Ended third =
        fetch.run("", "-o", "pages", "--report", "report.ndjson", "--resume", fetch.url("/page/a"));
    assertEquals(0, third.code(), third::toString);
    assertEquals(1, fetch.calls("/page/a"));
    assertTrue(fetch.lineOf(fetch.url("/page/a")).contains("\"ok\":true"));
  }

  @Test
  void partOfAnotherRun_isLeftAlone() throws Exception {
    Path pages = Files.createDirectories(directory.resolve("pages"));
    Path live = Files.writeString(pages.resolve(".bouncer-1-ab-1.part"), "half");
    Files.setLastModifiedTime(
        live, FileTime.from(Instant.EPOCH)); // before the lock: it would end it
    try (FileChannel other = FileChannel.open(live, StandardOpenOption.WRITE);
        FileLock _ = other.lock()) {
      assertEquals(0, fetch.run("", "-o", "pages", fetch.url("/page/a")).code());
      assertTrue(Files.exists(live));
    }
  }

  @Test
  void resume_toStandardOutput_goesByTheReport() throws Exception {
    fetch.run("", "-o", "-", "--report", "report.ndjson", fetch.url("/page/a"));
    FetchSandbox.Ended second =
        fetch.run(
            "",
            "-o",
            "-",
            "--report",
            "report.ndjson",
            "--resume",
            fetch.url("/page/a"),
            fetch.url("/page/b"));
    assertEquals("body of /page/b", second.output());
    assertEquals(1, fetch.calls("/page/a"));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void terminated_leavesNoPartAndResumeDoesTheRest() throws Exception {
    String urls =
        IntStream.range(0, 10)
                .mapToObj(i -> fetch.url("/page/" + i) + "\n")
                .collect(Collectors.joining())
            + fetch.url("/half/1")
            + "\n"
            + IntStream.range(0, 30)
                .mapToObj(i -> fetch.url("/gated/" + i) + "\n")
                .collect(Collectors.joining());
    File input = directory.resolve("urls").toFile();
    Files.writeString(input.toPath(), urls);
    String[] words = {"-j", "4", "-o", "pages", "--report", "report.ndjson"};
    Process process = fetch.command(words).redirectInput(input).start();
    long start = System.nanoTime();
    while (fetch.inFlight.get() < 4 || fetch.calls.size() < 14 || fetch.linesSoFar() < 10) {
      assertTrue(
          System.nanoTime() - start < FetchSandbox.GIVE_UP.toNanos(),
          () -> "calls: " + fetch.calls.keySet());
      LockSupport.parkNanos(1_000_000); // only to be polite; nothing depends on it
    }
    process.destroy();
    FetchSandbox.Ended ended = fetch.ended(process, "");
    assertEquals(143, ended.code(), ended::toString);
    assertTrue(ended.errors().contains("bouncer: stopped: 10 done, 31 cut off"), ended::errors);
    assertFalse(ended.errors().contains("fetched"), () -> "no summary: " + ended.errors());
    assertEquals(10, fetch.files("pages").size(), () -> "no part is left: " + ended);
    assertEquals(10, fetch.report().size());
    fetch.gate.release(1_000);
    String[] more = {"--resume", "--retries", "0"};
    Process again =
        fetch
            .command(Stream.concat(Stream.of(words), Stream.of(more)).toArray(String[]::new))
            .redirectInput(input)
            .start();
    FetchSandbox.Ended rest = fetch.ended(again, "");
    assertEquals(1, rest.code(), rest::toString); // half a body is still half a body
    assertTrue(
        rest.errors().startsWith("bouncer: 30 fetched, 1 failed, 10 here already"), rest::errors);
    for (int i = 0; i < 10; i++) {
      assertEquals(1, fetch.calls("/page/" + i));
    }
    assertEquals(40, fetch.files("pages").size());
  }

  @Test
  void readerOfStandardOutputGone_endsQuietly() throws Exception {
    Process process =
        fetch.command("-o", "-", "-j", "1", fetch.url("/large/1"), fetch.url("/large/2")).start();
    try (InputStream stdout = process.getInputStream()) {
      assertEquals('x', stdout.read());
    }
    FetchSandbox.Ended ended = fetch.ended(process, "");
    assertEquals(141, ended.code(), ended::toString);
    assertFalse(ended.errors().contains("error"), ended::toString);
  }

  @Test
  void urlListedAgain_isFetchedOnce() throws Exception {
    String page = fetch.url("/page/a");
    List<String> urls =
        List.of(page, fetch.url("/missing/b"), page, page + "#part", fetch.url("/missing/b"));
    FetchSandbox.Ended ended =
        fetch.run(String.join("\n", urls), "-j", "1", "-o", "pages", "--report", "report.ndjson");
    assertEquals(1, ended.code(), ended::toString);
    assertTrue(
        ended.errors().startsWith("bouncer: 1 fetched, 1 failed, 3 listed again in "),
        ended::errors);
    assertEquals(1, fetch.calls("/page/a"));
    assertEquals(1, fetch.calls("/missing/b"));
    assertEquals(1, fetch.files("pages").size());
    assertEquals(2, fetch.report().size());

    // The report of a run that was killed before it could write a line gets that line once.
    Files.writeString(directory.resolve("report.ndjson"), "");
    FetchSandbox.Ended resumed =
        fetch.run(
            page + "\n" + page + "\n", "-o", "pages", "--report", "report.ndjson", "--resume");
    assertEquals(0, resumed.code(), resumed::toString);
    assertTrue(
        resumed
            .errors()
            .startsWith("bouncer: 0 fetched, 0 failed, 1 here already, 1 listed again in "),
        resumed::errors);
    assertEquals(1, fetch.calls("/page/a"));
    assertEquals(1, fetch.report().size());
  }

  @Test
  void urlListedAgain_isPrintedOnce() throws Exception {
    FetchSandbox.Ended ended = fetch.run("", "-o", "-", fetch.url("/page/a"), fetch.url("/page/a"));
    assertEquals("body of /page/a", ended.output(), ended::toString);
    assertEquals(0, ended.code());
  }
}
