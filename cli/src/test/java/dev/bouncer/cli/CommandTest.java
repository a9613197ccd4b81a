package dev.bouncer.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The whole command, in a JVM of its own, with real programs. */
@Timeout(180)
final class CommandTest {
  private static final Duration GIVE_UP = Duration.ofMinutes(2);

  @TempDir private Path directory = Path.of("");

  /** What a run of the command left behind. */
  private record Ended(int code, String output, String errors) {
    List<String> lines() {
      return output.lines().toList();
    }
  }

  private Process start(String... arguments) throws IOException {
    ProcessBuilder command =
        new ProcessBuilder(Tool.commandLine(arguments))
            .directory(directory.toFile())
            .redirectError(directory.resolve("errors").toFile());
    command.environment().put("XDG_RUNTIME_DIR", directory.toString()); // locks of this test alone
    return command.start();
  }

  private Ended run(String input, String... arguments) throws Exception {
    Process process = start(arguments);
    Thread writer =
        Thread.ofVirtual()
            .start(() -> {
              try (OutputStream stdin = process.getOutputStream()) {
                stdin.write(input.getBytes(ISO_8859_1));
              } catch (IOException enough) {
                // The command has read what it wanted.
              }
            });
    String output;
    try (InputStream stdout = process.getInputStream()) {
      output = new String(stdout.readAllBytes(), ISO_8859_1);
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
    String errors = new String(Files.readAllBytes(directory.resolve("errors")), ISO_8859_1);
    return new Ended(process.exitValue(), output, errors);
  }

  @Test
  void inputs_asArguments_areRunOnceEach() throws Exception {
    Ended ended = run("", "run", "echo \"<{}>\"", ":::", "a b", "c", "");
    assertEquals(Set.of("<a b>", "<c>", "<>"), new HashSet<>(ended.lines()), ended::toString);
    assertEquals(3, ended.lines().size());
    assertEquals("", ended.errors());
    assertEquals(0, ended.code());
  }

  @Test
  void wordsAfterTheFirst_areArgumentsAndNotOptions() throws Exception {
    Ended ended = run("x\n", "run", "printf", "%s,%s,%s\n", "-j", "--help");
    assertEquals(List.of("-j,--help,x"), ended.lines());
    assertEquals(0, ended.code());
  }

  @Test
  void keepOrder_writesInInputOrderWhateverEndsFirst() throws Exception {
    String input = IntStream.range(0, 300).mapToObj(i -> i + "\n").collect(Collectors.joining());
    Ended ended =
        run(input, "run", "-j", "8", "-k", "if [ $(({} % 7)) = 0 ]; then sleep 0.05; fi; echo {}");
    assertEquals(input, ended.output());
    assertEquals(0, ended.code());
  }

  @Test
  void outputsOfJobs_areNeverMixed() throws Exception {
    String line = "i=0; while [ $i -lt 200 ]; do echo {}; echo {} >&2; i=$((i+1)); done";
    Ended ended = run("", "run", "-j", "6", line, ":::", "a", "b", "c", "d", "e", "f");
    for (String text : List.of(ended.output(), ended.errors())) {
      assertEquals(1200, text.lines().count());
      List<String> groups = new ArrayList<>();
      text.lines()
          .filter(l -> groups.isEmpty() || !groups.getLast().equals(l))
          .forEach(groups::add);
      assertEquals(6, groups.size(), () -> "mixed: " + groups);
    }
  }

  @Test
  void bytesThatAreNoText_passThroughEveryWay() throws Exception {
    String name = "\u00ff\u00fe \u00e4'\"$`\\*";
    Ended fromInput = run(name + "\n", "run", "printf", "<%s>");
    assertEquals("<" + name + ">", fromInput.output());
    Ended zeroSeparated = run(name + "\n" + name + "\0", "run", "-0", "printf '<%s>'");
    assertEquals("<" + name + "\n" + name + ">", zeroSeparated.output());
    // As an argument: only a shell can pass what Java's own strings cannot hold.
    Path script = directory.resolve("start");
    String quoted =
        Tool.commandLine("run", "printf '<%s>'", ":::").stream()
            .map(word -> "'" + word.replace("'", "'\\''") + "'")
            .collect(Collectors.joining(" "));
    Files.write(script, (quoted + " '" + name.replace("'", "'\\''") + "'").getBytes(ISO_8859_1));
    for (String locale : List.of("C", "C.UTF-8")) {
      ProcessBuilder builder =
          new ProcessBuilder("/bin/sh", script.toString())
              .redirectError(directory.resolve("errors").toFile());
      builder.environment().put("LC_ALL", locale);
      Process process = builder.start();
      String output = new String(process.getInputStream().readAllBytes(), ISO_8859_1);
      assertEquals(new Ended(0, "<" + name + ">", ""), ended(process, output));
    }
  }

  @Test
  void failedJobs_areNamedAndGiveExitCode1() throws Exception {
    Ended ended =
        run("", "run", "-j", "1", "[ {} = 9 ] && kill -9 $$; exit {}", ":::", "0", "1", "9", "0");
    assertEquals(1, ended.code());
    assertEquals(
        List.of("bouncer: 2 of 4 jobs failed:", "  exit 1: 1", "  killed by SIGKILL: 9"),
        ended.errors().lines().toList());
  }

  @Test
  void manyFailedJobs_areCountedAndTheFirstNamed() throws Exception {
    Ended ended = run("x\n".repeat(50), "run", "-j", "2", "false #");
    assertEquals(1, ended.code());
    List<String> lines = ended.errors().lines().toList();
    assertEquals("bouncer: 50 of 50 jobs failed:", lines.getFirst());
    assertEquals("  ... and 40 more", lines.getLast());
    assertEquals(12, lines.size());
  }

  @Test
  void missingProgram_stopsTheRunWithOneMessage() throws Exception {
    Ended ended = run("a\nb\nc\n", "run", "-j", "1", "no-such-program-here", "{}");
    assertEquals(1, ended.code());
    assertEquals("bouncer: cannot run no-such-program-here: command not found\n", ended.errors());
  }

  @Test
  void noInputs_runNothing() throws Exception {
    assertEquals(new Ended(0, "", ""), run("", "run", "echo"));
    assertEquals(new Ended(0, "", ""), run("ignored", "run", "echo", ":::"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run -j 0 x",
        "run -j -1 x",
        "run -j x x",
        "run -j 99999999999 x",
        "run --timeout 0 x",
        "run --timeout soon x",
        "run --no-such-option x",
        "run -j",
        "run",
        "run ::: a",
        "run x ::: a ::: b",
        "nonsense",
        "--nonsense",
        "demo --slow",
        ""
      })
  void wrongUsage_isOneClearLineAndExitCode2(String line) throws Exception {
    Ended ended = run("", line.isEmpty() ? new String[0] : line.split(" ", -1));
    assertEquals(2, ended.code(), ended::toString);
    assertEquals("", ended.output());
    assertEquals(1, ended.errors().lines().count(), ended::errors);
    assertTrue(ended.errors().startsWith("bouncer"), ended::errors);
  }

  @Test
  void helpAndVersion_goToStandardOutput() throws Exception {
    for (String line :
        List.of("--help", "run --help", "demo --help", "--version", "run --version")) {
      Ended ended = run("", line.split(" ", -1));
      assertEquals(0, ended.code());
      assertEquals("", ended.errors());
      assertTrue(ended.output().contains("bouncer"), ended::output);
    }
  }

  @Test
  void fileNamesOfAllKinds_giveTheSameLinesAsWithoutUs() throws Exception {
    Path files = Files.createDirectory(directory.resolve("files"));
    String[] parts = {
      " ", "'", "\"", "$HOME", "`id`", "a", "\\", "*", "é", "-n", ";", "&", "(", "#"
    };
    Random random = new Random(5);
    Set<String> expected = new TreeSet<>();
    StringBuilder names = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      String name = i + parts[random.nextInt(parts.length)] + parts[random.nextInt(parts.length)];
      Files.writeString(files.resolve(name), "content of " + i + "\n");
      names.append("files/").append(name).append('\n');
      expected.add("content of " + i);
    }
    Ended ended =
        run(
            new String(
                names.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8), ISO_8859_1),
            "run",
            "-j",
            "4",
            "cat < {}");
    assertEquals("", ended.errors());
    assertEquals(expected, new TreeSet<>(ended.lines()));
    assertEquals(300, ended.lines().size());
  }

  /** Each job counts those that are there with it: the limit, seen by the jobs themselves. */
  @Test
  void neverMoreThanTheLimit_runAtOnce() throws Exception {
    Path present = Files.createDirectory(directory.resolve("present"));
    String line =
        "mkdir PLACE/{}; ls PLACE | wc -l; rmdir PLACE/{}".replace("PLACE", present.toString());
    String input = IntStream.range(0, 200).mapToObj(i -> i + "\n").collect(Collectors.joining());
    Ended ended = run(input, "run", "-j", "3", line);
    assertEquals("", ended.errors());
    assertEquals(200, ended.lines().size());
    assertTrue(
        ended.lines().stream().mapToInt(l -> Integer.parseInt(l.strip())).max().orElse(0) <= 3,
        ended::output);
  }

  @Test
  void timeout_killsTheJobAndWhatItStarted() throws Exception {
    Ended ended =
        run("", "run", "--timeout", "1", "sleep 1000 & echo $!; wait; : {}", ":::", "slow");
    assertEquals(1, ended.code());
    assertTrue(ended.errors().contains("timed out after 1s: slow"), ended::errors);
    awaitEnd(Long.parseLong(ended.lines().getFirst()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM", "HUP"})
  void signal_endsTheCommandAndEveryTree(String signal) throws Exception {
    Path pids = directory.resolve("pids");
    String line =
        "trap '' TERM HUP; echo $$ >>PIDS; sleep 1000 & echo $! >>PIDS; wait; sleep 1000; : {}"
            .replace("PIDS", pids.toString());
    Process process = start("run", "-j", "3", line, ":::", "a", "b", "c", "d");
    try {
      awaitLines(pids, 6);
      Process kill =
          new ProcessBuilder("kill", "-" + signal, String.valueOf(process.pid())).start();
      assertEquals(0, kill.waitFor());
      Ended ended = ended(process, "");
      assertEquals(
          switch (signal) {
            case "INT" -> 130;
            case "TERM" -> 143;
            default -> 129;
          },
          ended.code());
      assertEquals("bouncer: stopped: 0 done, 3 killed\n", ended.errors());
      for (String pid : Files.readAllLines(pids)) {
        awaitEnd(Long.parseLong(pid));
      }
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void readerThatGoesAway_endsTheCommandQuietly() throws Exception {
    Path pids = directory.resolve("pids");
    Process process =
        start("run", "-j", "2", "echo $$ >>" + pids + "; [ {} = 0 ] && exec sleep 1000; echo {}");
    try (OutputStream stdin = process.getOutputStream()) {
      stdin.write("0\n".getBytes(ISO_8859_1));
      stdin.flush();
      awaitLines(pids, 1);
      process.getInputStream().close();
      stdin.write("1\n2\n3\n".getBytes(ISO_8859_1));
      stdin.flush();
      Ended ended = ended(process, ""); // although its input is still open
      assertEquals(141, ended.code());
      assertEquals("bouncer: stopped:", ended.errors().replaceAll(" \\d.*\n", ""));
    }
    for (String pid : Files.readAllLines(pids)) {
      awaitEnd(Long.parseLong(pid));
    }
  }

  /** The heap of the command is 48 MiB here; inputs and outputs are more. */
  @Test
  void outputLargerThanTheHeap_isWrittenWhole() throws Exception {
    long size = 100L << 20;
    Process process =
        start("run", "-j", "2", "-k", "head -c " + size + " /dev/zero; : {}", ":::", "a", "b");
    long count = 0;
    try (InputStream stdout = process.getInputStream()) {
      byte[] block = new byte[1 << 16];
      for (int read = stdout.read(block); read >= 0; read = stdout.read(block)) {
        count += read;
      }
    }
    assertEquals(new Ended(0, "", ""), ended(process, ""));
    assertEquals(2 * size, count);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1m", "999999999999d"})
  void sem_placeIsFree_waitOfAnyLengthIsNotNeeded(String wait) throws Exception {
    Ended ended = run("", "sem", "--wait", wait, "free", "--", "echo", "ran");
    assertEquals(new Ended(0, "ran\n", ""), ended);
  }

  @Test
  void demo_json_tellsWhatTheServerAndTheProcessesSaw() throws Exception {
    Ended ended = run("", "demo", "--fast", "--json");
    assertEquals("", ended.errors());
    assertTrue(
        ended
            .output()
            .matches(
                "\\{\"api\":\\{\"maxInFlight\":5,\"rejected\":0},"
                    + "\"unlimited\":\\{\"maxInFlight\":\\d+,\"rejected\":[1-9]\\d*},"
                    + "\"processes\":\\{\"pids\":\\[\\d+,\\d+],\"maxRunning\":[12],"
                    + "\"results\":\\[0,1,4,9,16,25,36,49,64,81]}}\n"),
        ended::output);
    assertEquals(0, ended.code());
  }

  @Test
  void demo_tellsEachPermitAndEachProcess() throws Exception {
    Ended ended = run("", "demo", "--fast");
    assertEquals(0, ended.code(), ended::toString);
    assertEquals(20, count(ended, "has its permit"));
    assertEquals(20, count(ended, "gives it back: 200"));
    assertEquals(10, count(ended, "starts"));
    assertEquals(10, count(ended, "is done"));
    assertTrue(ended.output().endsWith("Every promise was kept.\n"), ended::output);
  }

  private static long count(Ended ended, String text) {
    return ended.lines().stream().filter(line -> line.contains(text)).count();
  }

  private static void awaitLines(Path file, int count) throws IOException {
    long end = System.nanoTime() + GIVE_UP.toNanos();
    while (!Files.exists(file) || Files.readAllLines(file).size() < count) {
      assertTrue(System.nanoTime() < end, "the jobs did not start");
      Thread.onSpinWait();
    }
  }

  private static void awaitEnd(long pid) {
    long end = System.nanoTime() + GIVE_UP.toNanos();
    while (isRunning(pid)) {
      assertTrue(System.nanoTime() < end, () -> "a process is left: pid=" + pid);
      Thread.onSpinWait();
    }
  }

  /** A process that is dead but was not waited for does not count. */
  private static boolean isRunning(long pid) {
    @Nullable String stat = null;
    try {
      stat = Files.readString(Path.of("/proc/" + pid + "/stat"), ISO_8859_1);
    } catch (IOException goneOrNotLinux) {
      return ProcessHandle.of(pid).isPresent() && !Files.exists(Path.of("/proc/self"));
    }
    return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
  }
}
