package dev.bouncer.benchmarks;

import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import dev.bouncer.redis.RedisUnavailableException;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
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
  private static final int WAKE_ROUNDS = 5;
  private static final int KILLS = 10;
  private static final String SEMAPHORE = "RSemaphore";

  // The columns of RedisProgram.
  private static final int RATE = 0;
  private static final int FAIRNESS = 1;
  private static final int COMMANDS = 2;
  private static final int CPU = 3;

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
    Table table = new Table("One limit in Redis %s, against Redisson 4.7".formatted(version(uri)));
    Rounds rounds = new Rounds(ROUNDS, "-Xmx256m");
    Comparison four = compare(table, rounds, "1", uri, 4, 64, 5, "strict", 5);
    atMost(table, "1", "busiest by laziest thread", four, FAIRNESS, "", 1.1);
    Comparison sixteen = compare(table, rounds, "2", uri, 16, 64, 5, "strict", 7);
    atMost(table, "2", "Redis commands a pair", sixteen, COMMANDS, "", 12);
    Comparison reuse = compare(table, rounds, "3", uri, 4, 64, 5, "reuse", 35);
    double cpu = reuse.peer(CPU).median() / reuse.ours(CPU).median();
    table.add(
        "3",
        "processor time a pair, JVM and Redis",
        Table.range(reuse.ours(CPU), "us"),
        Table.range(reuse.peer(CPU), "us"),
        Table.ratio(cpu),
        ">= 20x less",
        cpu >= 20);
    compare(table, rounds, "3", uri, 1, 1, 5, "reuse", 30);
    compare(table, rounds, "3", uri, 1, 16, 32, "reuse", 12);
    compare(table, rounds, "4", uri, 1, 16, 32, "strict", 3);
    compare(table, rounds, "4", uri, 1, 1, 5, "strict", 1);
    wake(table, new Rounds(WAKE_ROUNDS, "-Xmx256m"), uri);
    kill(table, uri);
    return table;
  }

  /** The figures of a row: ours and theirs. */
  private record Comparison(List<Rounds.Figures> ours, List<Rounds.Figures> peer) {
    Rounds.Figures ours(int column) {
      return ours.get(column);
    }

    Rounds.Figures peer(int column) {
      return peer.get(column);
    }
  }

  private static Comparison compare(
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
    Map<String, List<Rounds.Figures>> figures =
        rounds.measureSeveral(
            RedisProgram.class,
            List.of("pairs", uri, "" + clients, "" + threads, "" + limit),
            List.of(SEMAPHORE, ours));
    Comparison both = new Comparison(figures.get(ours), figures.get(SEMAPHORE));
    double ratio = both.ours(RATE).median() / both.peer(RATE).median();
    table.add(
        id,
        "%s, %d clients, %d threads, limit %d".formatted(ours, clients, threads, limit),
        Table.range(both.ours(RATE), "/s"),
        Table.range(both.peer(RATE), "/s"),
        Table.ratio(ratio),
        ">= " + Table.ratio(target),
        ratio >= target);
    return both;
  }

  private static void atMost(
      Table table, String id, String what, Comparison both, int column, String unit, double most) {
    Rounds.Figures ours = both.ours(column);
    table.add(
        id,
        what,
        Table.range(ours, unit),
        Table.range(both.peer(column), unit),
        "",
        "<= " + Table.number(most),
        ours.median() <= most);
  }

  private static void wake(Table table, Rounds rounds, String uri)
      throws IOException, InterruptedException {
    Map<String, List<Rounds.Figures>> figures =
        rounds.measureSeveral(
            RedisProgram.class,
            List.of("wake", uri, "2", "2", "1"),
            List.of("FairLock", SEMAPHORE, "strict"));
    String[] what = {"p50", "p99"};
    double[] targets = {0.6, 1};
    for (int column = 0; column < what.length; column++) {
      Rounds.Figures mine = figures.get("strict").get(column);
      Rounds.Figures peer = figures.get("FairLock").get(column);
      double ratio = mine.median() / peer.median();
      table.add(
          "5",
          "wake-up in another client, %s, against FairLock".formatted(what[column]),
          Table.range(mine, "us"),
          Table.range(peer, "us"),
          Table.ratio(ratio),
          "<= " + Table.ratio(targets[column]),
          ratio <= targets[column]);
    }
    Rounds.Figures peer = figures.get(SEMAPHORE).getFirst();
    table.addPeer(
        "5",
        "the same, p50, against RSemaphore",
        "",
        Table.range(peer, "us"),
        Table.ratio(figures.get("strict").getFirst().median() / peer.median()));
  }

  /** The peer needs its whole lease, so once is enough. */
  private static void kill(Table table, String uri) throws IOException, InterruptedException {
    Rounds.Figures ours =
        new Rounds(KILLS, "-Xmx64m")
            .measure(RedisKill.class, List.of(uri), List.of("bouncer"))
            .get("bouncer");
    Rounds.Figures peer =
        new Rounds(1, "-Xmx64m")
            .measure(RedisKill.class, List.of(uri), List.of("RPermitExpirableSemaphore"))
            .get("RPermitExpirableSemaphore");
    table.add(
        "6",
        "holder killed (lease 30 s, grace 2 s): usable again after",
        Table.range(ours, "s"),
        Table.range(peer, "s"),
        Table.ratio(peer.median() / ours.median()),
        "most <= 2.5 s",
        ours.most() <= 2.5);
  }

  private static String version(String uri) {
    RedisClient client = RedisClient.create(uri);
    try (StatefulRedisConnection<String, String> connection = client.connect()) {
      return connection.sync().info("server").replaceAll("(?s).*redis_version:([0-9.]+).*", "$1");
    } finally {
      client.shutdown();
    }
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
