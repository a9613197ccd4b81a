package dev.bouncer.benchmarks;

import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import dev.bouncer.redis.RedisUnavailableException;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import redis.embedded.core.ExecutableProvider;

/** {@code ./build bench redis}: against Redisson on a Redis of its own, on loopback. */
final class RedisSuite {
  private static final int ROUNDS = 5;
  private static final String SEMAPHORE = "RSemaphore";

  private RedisSuite() {}

  static Table run() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    Process server =
        new ProcessBuilder(executable(), "--port", "" + port, "--bind", "127.0.0.1", "--save", "")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      String uri = "redis://127.0.0.1:" + port;
      awaitAnswer(uri);
      return measure(uri);
    } finally {
      server.destroyForcibly();
    }
  }

  private static Table measure(String uri) throws IOException, InterruptedException {
    Table table = new Table("One limit in Redis, against Redisson 4.7 (pairs a second)");
    Rounds rounds = new Rounds(ROUNDS, "-Xmx256m");
    compare(table, rounds, "1", uri, 4, 64, 5, "strict", 5);
    fairness(table, rounds, uri);
    compare(table, rounds, "2", uri, 16, 64, 5, "strict", 7);
    compare(table, rounds, "3", uri, 4, 64, 5, "reuse", 35);
    compare(table, rounds, "3", uri, 1, 1, 5, "reuse", 30);
    compare(table, rounds, "3", uri, 1, 16, 32, "reuse", 12);
    compare(table, rounds, "4", uri, 1, 16, 32, "strict", 3);
    compare(table, rounds, "4", uri, 1, 1, 5, "strict", 1);
    wake(table, rounds, uri);
    return table;
  }

  private static void compare(
      Table table,
      Rounds rounds,
      String id,
      String uri,
      int clients,
      int threads,
      int limit,
      String ours,
      double target)
      throws IOException, InterruptedException {
    Map<String, Rounds.Figures> figures =
        rounds.measure(
            RedisProgram.class,
            List.of("rate", uri, "" + clients, "" + threads, "" + limit),
            List.of(SEMAPHORE, ours));
    Rounds.Figures mine = figures.get(ours);
    Rounds.Figures peer = figures.get(SEMAPHORE);
    double ratio = mine.median() / peer.median();
    table.add(
        id,
        "%s, %d clients, %d threads, limit %d".formatted(ours, clients, threads, limit),
        Table.range(mine, "/s"),
        Table.range(peer, "/s"),
        Table.ratio(ratio),
        ">= " + Table.ratio(target),
        ratio >= target);
  }

  private static void fairness(Table table, Rounds rounds, String uri)
      throws IOException, InterruptedException {
    Map<String, Rounds.Figures> figures =
        rounds.measure(
            RedisProgram.class, List.of("fairness", uri, "4", "64", "5"), List.of("strict"));
    double ratio = figures.get("strict").median();
    table.add(
        "1", "busiest by laziest thread", Table.number(ratio), "", "", "<= 1.1", ratio <= 1.1);
  }

  private static void wake(Table table, Rounds rounds, String uri)
      throws IOException, InterruptedException {
    Map<String, Rounds.Figures> figures =
        rounds.measure(
            RedisProgram.class,
            List.of("wake", uri, "2", "2", "1"),
            List.of("FairLock", SEMAPHORE, "strict"));
    Rounds.Figures mine = figures.get("strict");
    Rounds.Figures peer = figures.get("FairLock");
    double ratio = mine.median() / peer.median();
    table.add(
        "5",
        "wake-up in another client, p50, against FairLock",
        Table.range(mine, "us"),
        Table.range(peer, "us"),
        Table.ratio(ratio),
        "<= 0.60x",
        ratio <= 0.6);
    table.addPeer(
        "5",
        "the same, against RSemaphore",
        "",
        Table.range(figures.get(SEMAPHORE), "us"),
        Table.ratio(mine.median() / figures.get(SEMAPHORE).median()));
  }

  private static String executable() throws IOException {
    for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1)) {
      Path candidate = Path.of(folder, "redis-server");
      if (Files.isExecutable(candidate)) {
        return candidate.toString();
      }
    }
    return ExecutableProvider.newJarResourceProvider().get().getAbsolutePath();
  }

  private static void awaitAnswer(String uri) {
    long start = System.nanoTime();
    while (true) {
      try (RedisConnection connection = RedisSemaphore.connect(uri, Duration.ofSeconds(5));
          RedisSemaphore first = connection.semaphore("first", 1)) {
        first.acquire().close(); // a young server grants nothing for a grace
        return;
      } catch (RedisUnavailableException notYet) {
        if (System.nanoTime() - start > Duration.ofMinutes(1).toNanos()) {
          throw notYet;
        }
      } catch (InterruptedException interrupt) {
        throw new IllegalStateException(interrupt);
      }
    }
  }
}
