package dev.bouncer.cli.sem;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.bouncer.cli.Tool;
import dev.bouncer.redis.LeasedPermit;
import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import dev.bouncer.redis.server.RealRedis;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Commands of several processes under one limit in a real Redis. */
@Timeout(180)
class SharedLimitTest {
  private static final int TRY_AGAIN_LATER = 75;
  private static final int TERMINATED = 128 + 15;

  private static RealRedis shared;

  @TempDir private Path folder = Path.of("");
  private final List<Started> started = new ArrayList<>();

  @BeforeAll
  static void start() {
    shared = RealRedis.start().awaitUptime(2);
  }

  @AfterAll
  static void stop() {
    shared.close();
  }

  @AfterEach
  void endAll() {
    started.forEach(command -> command.process.destroyForcibly());
  }

  /** One run of the command, in a JVM of its own. */
  private final class Started {
    private final Process process;
    private final Path output;
    private final Path errors;

    Started(String... arguments) throws IOException {
      output = folder.resolve("output-" + started.size());
      errors = folder.resolve("errors-" + started.size());
      process =
          new ProcessBuilder(Tool.commandLine(arguments))
              .directory(folder.toFile())
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(output.toFile())
              .redirectError(errors.toFile())
              .start();
      started.add(this);
    }

    int exitCode() throws InterruptedException, IOException {
      assertTrue(process.waitFor(2, TimeUnit.MINUTES), "the command hangs: " + errors());
      return process.exitValue();
    }

    List<String> lines() throws IOException {
      return Files.readAllLines(output);
    }

    String errors() throws IOException {
      return Files.readString(errors);
    }
  }

  /** What jobs have written to the file {@code marks}: appended lines, so in the order of time. */
  private List<String> marks() {
    try {
      Path marks = folder.resolve("marks");
      return Files.exists(marks) ? Files.readAllLines(marks) : List.of();
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }

  private int mostAtOnce() {
    int now = 0;
    int most = 0;
    for (String mark : marks()) {
      now += mark.startsWith("+") ? 1 : -1;
      most = Math.max(most, now);
    }
    assertEquals(0, now, "each that began has ended");
    return most;
  }

  /** A job that comes back only when some other job has run beside it, or did so before. */
  private static final String JOB =
      "echo + >> marks; until [ $(grep -c '+' marks) -ge 2 ]; do sleep 0.01; done; echo - >> marks";

  @Test
  void run_twoAtOnceUnderOneLimit_neverMoreJobsThanTheLimit() throws Exception {
    String limit = shared.uri() + "/run-two=2";
    String[] words = {"run", "-j", "8", "--limit", limit, ": {}; " + JOB, ":::"};
    String[] inputs = IntStream.range(0, 20).mapToObj(Integer::toString).toArray(String[]::new);
    String[] all = new String[words.length + inputs.length];
    System.arraycopy(words, 0, all, 0, words.length);
    System.arraycopy(inputs, 0, all, words.length, inputs.length);
    Started one = new Started(all);
    Started two = new Started(all);
    assertEquals(0, one.exitCode(), one.errors());
    assertEquals(0, two.exitCode(), two.errors());
    assertEquals(80, marks().size());
    assertEquals(2, mostAtOnce());
    eventually("both have given all back", () -> shared.number("run-two", "used") == 0);
  }

  @Test
  void sem_fourAtOnce_neverMoreThanTwo_andExitsAsTheCommandDid() throws Exception {
    for (int i = 0; i < 4; i++) {
      new Started(
          "sem", "-j", "2", shared.uri() + "/sem-four", "--", "sh", "-c", JOB + "; exit " + i);
    }
    for (int i = 0; i < 4; i++) {
      assertEquals(i, started.get(i).exitCode(), started.get(i).errors());
    }
    assertEquals(8, marks().size());
    assertEquals(2, mostAtOnce());
    eventually("all is given back", () -> shared.number("sem-four", "used") == 0);
  }

  @Test
  void sem_noPermitInTime_saysSo() throws Exception {
    try (RedisConnection redis = RedisSemaphore.connect(shared.uri());
        RedisSemaphore semaphore = redis.semaphore("taken", 1);
        LeasedPermit held = semaphore.acquire()) {
      Started late = new Started("sem", "--wait", "200ms", shared.uri() + "/taken", "--", "true");
      assertEquals(TRY_AGAIN_LATER, late.exitCode());
      assertEquals("bouncer sem: no permit in time: wait=PT0.2S\n", late.errors());
      assertTrue(held.isValid());
    }
  }

  @Test
  void nobodyListens_saysSoAndRunsNothing() throws Exception {
    String server = "127.0.0.1:" + RealRedis.freePort();
    Started sem =
        new Started("sem", "redis://:secret@" + server + "/x", "--", "sh", "-c", "echo ran");
    Started run =
        new Started("run", "--limit", "redis://:secret@" + server + "/x=1", "echo", ":::", "ran");
    Started fetch =
        new Started(
            "fetch",
            "--limit",
            "redis://:secret@" + server + "/x=1",
            "-o",
            "-",
            "http://127.0.0.1:1/");
    assertEquals(TRY_AGAIN_LATER, sem.exitCode());
    assertEquals(1, run.exitCode());
    assertEquals(1, fetch.exitCode());
    for (Started each : List.of(sem, run, fetch)) {
      String errors = each.errors();
      assertTrue(errors.contains("Redis must be reachable: server=redis://"), errors);
      assertTrue(errors.contains(server), errors);
      assertEquals(1, errors.lines().count(), errors);
      assertFalse(errors.contains("secret"), errors);
      assertEquals(List.of(), each.lines());
    }
  }

  @Test
  @Tag("deep")
  void serverNeverAnswers_saysSoWhenTheConnectTimeoutIsOver() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String server = "127.0.0.1:" + silent.getLocalPort();
      Started sem = new Started("sem", "redis://" + server + "/x", "--", "true");
      Started run = new Started("run", "--limit", "redis://" + server + "/x=1", "echo", ":::", "x");
      assertEquals(TRY_AGAIN_LATER, sem.exitCode());
      assertEquals(1, run.exitCode());
      assertTrue(sem.errors().contains("timeout=PT5S"), sem.errors());
      assertTrue(run.errors().contains("timeout=PT5S"), run.errors());
    }
  }

  @Test
  void run_redisGoesAwayAndComesBack_theRunningJobGoesOnAndTheOthersFollow() throws Exception {
    try (RealRedis redis = RealRedis.start()) {
      Started run =
          new Started(
              "run",
              "-j",
              "4",
              "--limit",
              redis.uri() + "/gone=1",
              "echo {} >> marks; until [ -e go ]; do sleep 0.02; done; echo {}",
              ":::",
              "1",
              "2",
              "3",
              "4");
      eventually("a job runs", () -> marks().size() == 1);
      redis.kill();
      long killed = System.nanoTime();
      eventually(
          "no permit is handed on any more: the grace is over",
          () -> System.nanoTime() - killed > TimeUnit.SECONDS.toNanos(3));
      Files.createFile(folder.resolve("go"));
      eventually("it has ended without Redis", () -> written(run) == 1);
      assertTrue(run.process.isAlive());
      assertEquals(1, marks().size(), "nothing is started without a permit");
      redis.startAgain();
      assertEquals(0, run.exitCode(), run.errors());
      assertEquals(List.of("1", "2", "3", "4"), run.lines().stream().sorted().toList());
    }
  }

  @Test
  void fetch_twoAtOnce_togetherNeverMoreThanTheLimit() throws Exception {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    Semaphore gate = new Semaphore(0);
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      server.setExecutor(threads);
      server.createContext(
          "/",
          exchange -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            gate.acquireUninterruptibly();
            now.decrementAndGet();
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
          });
      server.start();
      List<Started> both = new ArrayList<>();
      for (int program = 0; program < 2; program++) {
        List<String> command = new ArrayList<>();
        command.addAll(List.of("fetch", "--limit", shared.uri() + "/fetched=3", "-o", "-"));
        for (int page = 0; page < 10; page++) {
          command.add(
              "http://127.0.0.1:%d/%d/%d".formatted(server.getAddress().getPort(), program, page));
        }
        both.add(new Started(command.toArray(String[]::new)));
      }
      eventually("all permits are in use", () -> now.get() == 3);
      gate.release(20);
      for (Started each : both) {
        assertEquals(0, each.exitCode(), each.errors());
      }
      assertEquals(3, most.get());
    } finally {
      gate.release(1_000);
      server.stop(0);
    }
  }

  private static int written(Started run) {
    try {
      return run.lines().size();
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
  }

  @Test
  void run_redisGoesAwayForGood_canBeEnded() throws Exception {
    try (RealRedis redis = RealRedis.start()) {
      Started run =
          new Started(
              "run",
              "--limit",
              redis.uri() + "/gone=1",
              "echo {} >> marks; sleep 300",
              ":::",
              "1",
              "2");
      eventually("a job runs", () -> marks().size() == 1);
      redis.kill();
      run.process.destroy();
      assertEquals(TERMINATED, run.exitCode(), run.errors());
    }
  }

  @Test
  void sem_redisGoesAway_theCommandIsEnded() throws Exception {
    try (RealRedis redis = RealRedis.start()) {
      Started sem =
          new Started(
              "sem", redis.uri() + "/lost", "--", "sh", "-c", "echo + >> marks; exec sleep 300");
      eventually("the command runs", () -> marks().size() == 1);
      redis.kill();
      assertEquals(TRY_AGAIN_LATER, sem.exitCode(), sem.errors());
      assertTrue(
          sem.errors().contains("bouncer sem: ended the command: permit lost: limiter=lost"),
          sem.errors());
    }
  }
}
