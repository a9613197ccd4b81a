package dev.bouncer.benchmarks;

import dev.bouncer.benchmarks.Allowance.Counting;
import dev.bouncer.benchmarks.Allowance.Seen;
import dev.bouncer.benchmarks.FetchSimulation.Phase;
import dev.bouncer.benchmarks.FetchSimulation.Server;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * {@code bouncer fetch} against rate-limited servers: the command as a process of its own, then its
 * adaptive limits in virtual time against many servers.
 */
final class FetchSuite {
  private static final int SETTLED_AFTER = 5;
  private static final int PHASE_SECONDS = 25;
  private static final int WARM_UP_URLS = 2_000;
  private static final int MORE_THAN_ENOUGH = 1_000_000;
  private static final double LONGEST = 1.05;
  private static final double LEAST_FOUND = 0.8;
  private static final double MOST_REFUSED = 0.02;

  private static final List<Server> POLITE =
      List.of(
          new Server(Counting.SLIDING, 5, 50, 20),
          new Server(Counting.SLIDING, 5, 50, 70),
          new Server(Counting.FIXED, 5, 50, 40),
          new Server(Counting.BUCKET, 5, 50, 5),
          new Server(Counting.SLIDING, 20, 200, 60));

  private static final List<Server> ADAPTIVE =
      List.of(
          new Server(Counting.SLIDING, 5, 50, 20),
          new Server(Counting.SLIDING, 5, 50, 100),
          new Server(Counting.FIXED, 100, 150, 30),
          new Server(Counting.BUCKET, 20, 500, 20),
          new Server(Counting.SLIDING, 20, 50, 300));

  private static final int SEEDS = 3;

  private FetchSuite() {}

  static Table run() throws Exception {
    Table table = new Table("bouncer fetch and servers that answer 429 to what they do not allow");
    FetchProcess.warmUp();
    warmUpServer();
    long seed = 1;
    for (Server server : POLITE) {
      polite(table, server, seed++);
    }
    for (Server server : ADAPTIVE) {
      adaptive(table, server, seed++);
    }
    simulated(table);
    return table;
  }

  /**
   * A server that was just started answers its first calls late, and every row would pay for it.
   */
  private static void warmUpServer() throws Exception {
    Allowance everything = new Allowance(Counting.SLIDING, WARM_UP_URLS, WARM_UP_URLS);
    try (FetchServer running = new FetchServer(everything, 1, 0);
        FetchProcess fetch = FetchProcess.start(List.of("-j", "20"), WARM_UP_URLS, running::url)) {
      int code = fetch.join(120);
      if (code != 0) {
        throw new IOException("fetch must get every URL: code=" + code + "\n" + fetch.errors());
      }
    }
  }

  /** F1: keeps to what it was told, and loses no time. */
  private static void polite(Table table, Server server, long seed) throws Exception {
    int urls = 20 * server.perSecond();
    List<String> options =
        List.of("-j", "" + server.inFlight(), "--rate", server.perSecond() + "/s");
    Allowance allowance = server.allowance();
    try (FetchServer running = new FetchServer(allowance, server.latencyMillis(), seed)) {
      long start = System.nanoTime();
      try (FetchProcess fetch = FetchProcess.start(options, urls, running::url)) {
        int code = fetch.join(120);
        double seconds = (System.nanoTime() - start) / 1e9;
        double ratio = seconds / (urls / (double) server.perSecond());
        Seen seen = allowance.seen();
        if (code != 0 || seen.served() != urls) {
          throw new IOException("fetch must get every URL: code=" + code + "\n" + fetch.errors());
        }
        table.add(
            "F1",
            String.format(Locale.ROOT, "%,d URLs, %s, %s", urls, String.join(" ", options), server),
            String.format(Locale.ROOT, "%.2f s, %d refused", seconds, seen.refused()),
            "",
            Table.ratio(ratio),
            "<= 1.05x of ideal, 0 refused",
            ratio <= LONGEST && seen.refused() == 0);
      }
    }
  }

  /** F2: finds out by itself, and again when the server allows half of it. */
  private static void adaptive(Table table, Server server, long seed) throws Exception {
    Allowance allowance = server.allowance();
    try (FetchServer running = new FetchServer(allowance, server.latencyMillis(), seed);
        FetchProcess fetch =
            FetchProcess.start(List.of("--adaptive"), MORE_THAN_ENOUGH, running::url)) {
      while (allowance.seen().served() == 0) {
        fetch.requireRunning();
        TimeUnit.MILLISECONDS.sleep(10);
      }
      for (int share = 1; share <= 2; share++) {
        allowance.change(server.inFlight() / share, server.perSecond() / share);
        TimeUnit.SECONDS.sleep(SETTLED_AFTER);
        Seen before = allowance.seen();
        long start = System.nanoTime();
        TimeUnit.SECONDS.sleep(PHASE_SECONDS - SETTLED_AFTER);
        double seconds = (System.nanoTime() - start) / 1e9;
        Seen seen = allowance.seen().since(before);
        fetch.requireRunning();
        row(
            table,
            "F2",
            "--adaptive, " + server + (share == 1 ? "" : ", halved"),
            seen.served() / seconds / server.capacity(share),
            seen.refusedShare());
      }
    }
  }

  private static void row(Table table, String id, String what, double found, double refused) {
    table.add(
        id,
        what,
        String.format(Locale.ROOT, "%.1f %% found, %.2f %% refused", 100 * found, 100 * refused),
        "",
        "",
        ">= 80 % found, < 2 % refused",
        found >= LEAST_FOUND && refused < MOST_REFUSED);
  }

  /** F3: the same limits in virtual time; the worst of some seeds for each server. */
  private static void simulated(Table table) {
    int servers = 0;
    int met = 0;
    for (Counting counting : Counting.values()) {
      for (int inFlight : new int[] {5, 20, 100}) {
        for (int rate : new int[] {20, 50, 150, 500}) {
          for (int latency : new int[] {5, 30, 100, 300}) {
            Server server = new Server(counting, inFlight, rate, latency);
            servers++;
            met += simulated(table, server) ? 1 : 0;
          }
        }
      }
    }
    table.add(
        "F3",
        "simulated servers, 20 to 500 a second, 5 to 300 ms, found and found again",
        met + " of " + servers,
        "",
        "",
        "all",
        met == servers);
  }

  private static boolean simulated(Table table, Server server) {
    double[] found = {Double.MAX_VALUE, Double.MAX_VALUE};
    double[] refused = {0, 0};
    for (int seed = 1; seed <= SEEDS; seed++) {
      List<Phase> phases = FetchSimulation.run(server, seed);
      for (int i = 0; i < found.length; i++) {
        found[i] = Math.min(found[i], phases.get(i).found());
        refused[i] = Math.max(refused[i], phases.get(i).refused());
      }
    }
    boolean met = true;
    for (int i = 0; i < found.length; i++) {
      if (found[i] < LEAST_FOUND || refused[i] >= MOST_REFUSED) {
        met = false;
        row(table, "F3", "simulated, " + server + (i == 0 ? "" : ", halved"), found[i], refused[i]);
      }
    }
    return met;
  }
}
