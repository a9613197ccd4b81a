package dev.bouncer.cli.child;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Both ways to run children keep the same promises, as far as a machine has them. */
@Timeout(120)
final class ChildrenTest {
  @TempDir private Path directory = Path.of("");

  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

  static Stream<Children> both() {
    return NativeChildren.isSupported()
        ? Stream.of(new NativeChildren(), new PortableChildren())
        : Stream.of(new PortableChildren());
  }

  private Ending run(Children children, @Nullable Duration timeout, String... command)
      throws ChildrenClosedException {
    List<byte[]> arguments = new ArrayList<>();
    for (String word : command) {
      arguments.add(word.getBytes(UTF_8));
    }
    return children.run(arguments, into(output), into(errors), timeout);
  }

  private Ending shell(Children children, @Nullable Duration timeout, String line)
      throws ChildrenClosedException {
    return run(children, timeout, "/bin/sh", "-c", line);
  }

  private static ByteSink into(ByteArrayOutputStream target) {
    return bytes -> {
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      target.writeBytes(copy);
    };
  }

  @ParameterizedTest
  @MethodSource("both")
  void exitCode_isReported(Children children) throws Exception {
    for (int code : new int[] {0, 1, 2, 42, 126, 127, 255}) {
      assertEquals(new Ending.Exited(code), shell(children, null, "exit " + code));
    }
    assertEquals(0, children.running());
  }

  @ParameterizedTest
  @MethodSource("both")
  void signal_isNoSuccess(Children children) throws Exception {
    Ending ending = shell(children, null, "kill -9 $$");
    assertEquals(
        children instanceof NativeChildren ? new Ending.Signalled(9) : new Ending.Exited(137),
        ending);
  }

  @ParameterizedTest
  @MethodSource("both")
  void outputs_areKeptApartAndWhole(Children children) throws Exception {
    shell(children, null, "printf 'a\\377\\000b'; printf e >&2; printf c");
    assertArrayEquals(new byte[] {'a', (byte) 0xff, 0, 'b', 'c'}, output.toByteArray());
    assertEquals("e", errors.toString(UTF_8));
  }

  @ParameterizedTest
  @MethodSource("both")
  void muchOutputOnBothStreams_doesNotBlock(Children children) throws Exception {
    Ending ending =
        shell(children, null, "head -c 3000000 /dev/zero >&2; head -c 5000000 /dev/zero");
    assertTrue(ending.isSuccess(), ending::describe);
    assertEquals(5_000_000, output.size());
    assertEquals(3_000_000, errors.size());
  }

  @ParameterizedTest
  @MethodSource("both")
  void standardInput_isEmpty(Children children) throws Exception {
    assertTrue(run(children, null, "cat").isSuccess());
    assertEquals(0, output.size());
  }

  @ParameterizedTest
  @MethodSource("both")
  void environmentAndDirectory_areInherited(Children children) throws Exception {
    shell(children, null, "echo \"$PATH\"; pwd");
    assertEquals(
        System.getenv("PATH") + "\n" + Path.of("").toRealPath() + "\n", output.toString(UTF_8));
  }

  @ParameterizedTest
  @MethodSource("both")
  void missingProgram_isNotStartedAndHopeless(Children children) throws Exception {
    assertEquals(
        new Ending.NotStarted("command not found", true),
        run(children, null, "no-such-command-here", "x"));
    assertEquals(
        new Ending.NotStarted("command not found", true), run(children, null, "/no/such/file"));
  }

  @ParameterizedTest
  @MethodSource("both")
  void fileThatIsNoProgram_isNotStarted(Children children) throws Exception {
    Path file = Files.writeString(directory.resolve("text"), "hello");
    assertInstanceOf(Ending.NotStarted.class, run(children, null, file.toString()));
    assertInstanceOf(Ending.NotStarted.class, run(children, null, directory.toString()));
  }

  @ParameterizedTest
  @MethodSource("both")
  void argumentThatIsTooLong_failsThatChildOnly(Children children) throws Exception {
    Ending ending = run(children, null, "true", "x".repeat(4_000_000));
    assertTrue(ending instanceof Ending.NotStarted notStarted && !notStarted.hopeless());
    assertTrue(run(children, null, "true", "x").isSuccess());
  }

  @ParameterizedTest
  @MethodSource("both")
  void timeout_killsTheTree(Children children) throws Exception {
    Path pids = directory.resolve("pids");
    String line =
        "echo $$ >>PIDS; sh -c 'echo $$ >>PIDS; exec sleep 1000' & sh -c 'echo $$ >>PIDS; exec sleep"
            + " 1000' & while [ $(wc -l <PIDS) -lt 3 ]; do :; done; wait";
    Duration timeout = Duration.ofSeconds(2);
    assertEquals(
        new Ending.TimedOut(timeout),
        shell(children, timeout, line.replace("PIDS", pids.toString())));
    assertAllEnd(pids, 3);
  }

  @ParameterizedTest
  @MethodSource("both")
  void timeout_killsWhatIgnoresTheFirstSignal(Children children) throws Exception {
    Path pids = directory.resolve("pids");
    Duration timeout = Duration.ofSeconds(1);
    String line = "trap '' TERM; echo $$ >" + pids + "; while :; do sleep 1000; done";
    assertEquals(new Ending.TimedOut(timeout), shell(children, timeout, line));
    assertAllEnd(pids, 1);
  }

  @ParameterizedTest
  @MethodSource("both")
  void timeoutThatIsNotReached_changesNothing(Children children) throws Exception {
    assertTrue(shell(children, Duration.ofDays(100_000), "exit 0").isSuccess());
  }

  @ParameterizedTest
  @MethodSource("both")
  void processLeftBehind_doesNotHoldTheJob(Children children) throws Exception {
    Path pid = directory.resolve("pid");
    Ending ending = shell(children, null, "sleep 1000 & echo $! >" + pid + "; echo done");
    assertTrue(ending.isSuccess(), ending::describe);
    assertEquals("done\n", output.toString(UTF_8));
    ProcessHandle left = handles(pid, 1).getFirst();
    assertTrue(left.isAlive(), "it may be a daemon on purpose");
    left.destroyForcibly();
  }

  @ParameterizedTest
  @MethodSource("both")
  void sinkThatFails_killsTheChild(Children children) throws Exception {
    Ending ending =
        children.run(
            List.of("yes".getBytes(UTF_8)),
            _ -> {
              throw new IOException("disk full");
            },
            into(errors),
            null);
    assertEquals(new Ending.OutputLost("disk full"), ending);
  }

  @ParameterizedTest
  @MethodSource("both")
  void close_killsEveryTreeAndStartsNothingMore(Children children) throws Exception {
    Path pids = directory.resolve("pids");
    String line =
        "trap '' TERM; echo $$ >>PIDS; sh -c 'echo $$ >>PIDS; exec sleep 1000'"
            .replace("PIDS", pids.toString());
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<Ending>> jobs = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        jobs.add(threads.submit(() -> shell(children, null, line)));
      }
      List<ProcessHandle> tree;
      int killed;
      try {
        tree = handles(pids, 6);
      } finally {
        killed = children.close(Duration.ofMillis(50));
      }
      assertEquals(3, killed);
      for (ProcessHandle process : tree) {
        awaitEnd(process);
      }
      for (Future<Ending> job : jobs) {
        assertInstanceOf(
            ChildrenClosedException.class,
            assertThrows(java.util.concurrent.ExecutionException.class, job::get).getCause());
      }
    }
    assertThrows(ChildrenClosedException.class, () -> shell(children, null, "true"));
    assertEquals(0, children.close(Duration.ZERO));
  }

  /** Starting races with closing: whatever was started is killed. */
  @ParameterizedTest
  @MethodSource("both")
  void close_whileChildrenAreStarted_leavesNone(Children children) throws Exception {
    String mark = "7" + (100_000 + new Random().nextInt(900_000));
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<?>> starters = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        starters.add(
            threads.submit(() -> {
              while (true) {
                Thread.ofPlatform().start(() -> runQuietly(children, mark)).join(20);
                if (children.running() > 40) {
                  return null;
                }
              }
            }));
      }
      for (Future<?> starter : starters) {
        starter.get();
      }
      children.close(Duration.ZERO);
    }
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (ProcessHandle.allProcesses().anyMatch(process -> isSleep(process, mark))) {
      assertTrue(System.nanoTime() < end, "a child is left");
      Thread.onSpinWait();
    }
  }

  private void runQuietly(Children children, String seconds) {
    try {
      children.run(
          List.of("sleep".getBytes(UTF_8), seconds.getBytes(UTF_8)), _ -> {}, _ -> {}, null);
    } catch (ChildrenClosedException expected) {
      // That is what happens to those who are killed.
    }
  }

  private static boolean isSleep(ProcessHandle process, String seconds) {
    return process.info().arguments().map(List::of).filter(List.of(seconds)::equals).isPresent();
  }

  @Test
  void bytesThatAreNoText_arriveUnchanged() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(NativeChildren.isSupported());
    byte[] bytes = new byte[255];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i + 1);
    }
    new NativeChildren()
        .run(
            List.of("printf".getBytes(UTF_8), "%s".getBytes(UTF_8), bytes),
            into(output),
            into(errors),
            null);
    assertArrayEquals(bytes, output.toByteArray());
  }

  @Test
  void processInAnotherSession_isKilledToo() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(NativeChildren.isSupported());
    Path pids = directory.resolve("pids");
    Duration timeout = Duration.ofSeconds(1);
    String line = "setsid sh -c 'echo $$ >" + pids + "; exec sleep 1000' & wait";
    assertEquals(new Ending.TimedOut(timeout), shell(new NativeChildren(), timeout, line));
    assertAllEnd(pids, 1);
  }

  @Test
  void child_hasNoDescriptorsButThree() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(NativeChildren.isSupported());
    shell(new NativeChildren(), null, "ls /proc/$$/fd; true");
    assertEquals("0\n1\n2\n", output.toString(UTF_8));
  }

  private static void assertAllEnd(Path pids, int count) throws IOException {
    for (ProcessHandle process : handles(pids, count)) {
      awaitEnd(process);
    }
  }

  private static void awaitEnd(ProcessHandle process) {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (process.isAlive() && !isZombie(process)) {
      assertTrue(System.nanoTime() < end, () -> "alive: pid=" + process.pid());
      Thread.onSpinWait();
    }
  }

  /** A zombie counts as alive for Java; here its parent is this JVM, or nobody waits for it. */
  private static boolean isZombie(ProcessHandle process) {
    try {
      String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) == 'Z';
    } catch (IOException gone) {
      return !process.isAlive();
    }
  }

  /** Waits until the file names so many processes; those that ended already are left out. */
  private static List<ProcessHandle> handles(Path pids, int count) throws IOException {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!Files.exists(pids) || Files.readString(pids).lines().count() < count) {
      assertTrue(System.nanoTime() < end, "the children did not start");
      Thread.onSpinWait();
    }
    List<ProcessHandle> handles = new ArrayList<>();
    for (String pid : Files.readAllLines(pids)) {
      ProcessHandle.of(Long.parseLong(pid)).ifPresent(handles::add);
    }
    return handles;
  }
}
