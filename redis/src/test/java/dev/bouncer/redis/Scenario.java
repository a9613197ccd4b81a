package dev.bouncer.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One run of a {@link SimulatedCluster}, under faults that come from its seed. */
final class Scenario {
  private static final Duration GRACE = Duration.ofSeconds(2);

  final SimulatedCluster cluster;
  final int limit;
  final boolean strict;
  final Duration lease;
  final List<SimulatedCluster.Client> clients = new ArrayList<>();
  final List<RedisSemaphore> semaphores = new ArrayList<>();
  final List<List<LeasedPermit>> held = new ArrayList<>();
  final List<List<CompletableFuture<Permit>>> asked = new ArrayList<>();
  long highestToken;
  final Map<SimulatedCluster.Client, Long> rememberedTokens = new HashMap<>();

  /** A callback that throws only fails its future: what it finds waits here for the next check. */
  final List<String> brokenPromises = new ArrayList<>();

  int granted;
  final List<CompletableFuture<?>> losses = new ArrayList<>();

  Scenario(long seed, @Nullable Consumer<String> trace) {
    cluster = new SimulatedCluster(seed, trace);
    cluster.onTokensForgotten = () -> highestToken = 0;
    cluster.onContact =
        client -> highestToken = Math.max(highestToken, rememberedTokens.getOrDefault(client, 0L));
    limit = 1 + cluster.random.nextInt(4);
    strict = cluster.random.nextBoolean();
    lease = Duration.ofSeconds(cluster.random.nextBoolean() ? 6 : 30);
    for (int i = 0; i < 3; i++) {
      addClient();
    }
  }

  void addClient() {
    SimulatedCluster.Client client = cluster.new Client();
    clients.add(client);
    semaphores.add(
        client.connection.builder("s", limit).grace(GRACE).lease(lease).strictFifo(strict).build());
    held.add(new ArrayList<>());
    asked.add(new ArrayList<>());
  }

  void check() {
    assertEquals(List.of(), brokenPromises);
    int valid = 0;
    for (List<LeasedPermit> permits : held) {
      for (LeasedPermit permit : permits) {
        valid += permit.isValid() ? permit.weight() : 0;
      }
    }
    assertTrue(valid <= limit, "valid permits: " + valid + " limit: " + limit);
    Map<String, String> state = cluster.redis.hash("bouncer:{s}:state");
    long used = 0;
    long waiting = 0;
    long inLine = 0;
    for (Map.Entry<String, String> field : state.entrySet()) {
      if (field.getKey().startsWith("s:")) {
        assertFalse(field.getValue().contains("-"), () -> "below zero: " + state);
        String[] record = field.getValue().split(" ", -1);
        used += Long.parseLong(record[2]);
        waiting += Long.parseLong(record[7]);
      } else if (field.getKey().startsWith("e:")) {
        String[] run = field.getValue().split(" ", -1);
        inLine += Long.parseLong(run[1]) - Long.parseLong(run[2]);
      }
    }
    if (!state.isEmpty()) {
      assertEquals(Long.toString(used), state.get("used"), state::toString);
      assertEquals(Long.toString(waiting), state.get("waiting"), state::toString);
      assertEquals(inLine, waiting, state::toString);
    }
  }

  void ask(int client) {
    int weight = 1 + cluster.random.nextInt(limit);
    RedisSemaphore semaphore = semaphores.get(client);
    CompletableFuture<Permit> future =
        switch (cluster.random.nextInt(4)) {
          case 0 -> semaphore.acquireAsync(weight, Duration.ZERO);
          case 1 ->
              semaphore.acquireAsync(weight, Duration.ofMillis(1 + cluster.random.nextInt(3_000)));
          default -> semaphore.acquireAsync(weight);
        };
    asked.get(client).add(future);
    future.whenComplete((permit, failure) -> {
      asked.get(client).removeIf(open -> open == future);
      if (permit == null) {
        return;
      }
      granted++;
      LeasedPermit leased = (LeasedPermit) permit;
      cluster.note(() -> clients.get(client) + " has " + leased + " valid=" + leased.isValid());
      if (strict && limit == 1 && leased.isValid()) {
        if (leased.fencingToken() <= highestToken) {
          brokenPromises.add("token " + leased.fencingToken() + " came after " + highestToken);
        }
        highestToken = leased.fencingToken();
        rememberedTokens.put(clients.get(client), highestToken);
      }
      held.get(client).add(leased);
      losses.add(leased.lost());
      cluster.at(
          cluster.random.nextInt(200_000_000),
          () -> {
            held.get(client).remove(leased);
            leased.close();
          });
    });
  }

  void somethingHappens(boolean faults) {
    int client = cluster.random.nextInt(clients.size());
    if (clients.get(client).isDead() || clients.get(client).isPaused()) {
      return;
    }
    switch (cluster.random.nextInt(faults ? 40 : 12)) {
      case 9 -> {
        List<CompletableFuture<Permit>> open = asked.get(client);
        if (!open.isEmpty()) {
          open.get(cluster.random.nextInt(open.size())).cancel(true);
        }
      }
      case 12, 13, 14 -> {
        List<SimulatedCluster.SimulatedLink> links = clients.get(client).mine;
        if (!links.isEmpty()) {
          links.getFirst().breakOff();
        }
      }
      case 15 -> clients.get(client).pause(Duration.ofMillis(cluster.random.nextInt(12_000)));
      case 16 -> {
        if (clients.size() < 7) {
          clients.get(client).die();
          held.get(client).clear();
          addClient();
        }
      }
      case 17 -> cluster.restart(cluster.random.nextBoolean(), cluster.random.nextBoolean());
      case 18 -> {
        cluster.setUp(false);
        cluster.at(cluster.random.nextLong(5_000_000_000L), () -> cluster.setUp(true));
      }
      case 19 -> cluster.loseData();
      case 21 -> {
        Runnable then = cluster.redis.snapshot();
        cluster.at(cluster.random.nextInt(300_000_000), () -> cluster.failOver(then));
      }
      case 20 -> cluster.jumpServerClock(Duration.ofSeconds(cluster.random.nextInt(600) - 300));
      default -> ask(client);
    }
  }

  void run(int steps) {
    cluster.linksAreBad = cluster.random.nextBoolean();
    for (int i = 0; i < steps; i++) {
      somethingHappens(true);
      cluster.pass(Duration.ofNanos(cluster.random.nextInt(100_000_000)), this::check);
    }
    cluster.linksAreBad = false;
    cluster.setUp(true);
    cluster.pass(Duration.ofMinutes(2), this::check); // every lease has ended
    for (int i = 0; i < 50; i++) {
      somethingHappens(false);
      cluster.pass(Duration.ofNanos(cluster.random.nextInt(50_000_000)), this::check);
    }
    cluster.pass(Duration.ofMinutes(1), this::check);
    for (int i = 0; i < clients.size(); i++) {
      if (!clients.get(i).isDead()) {
        assertEquals(List.of(), asked.get(i), "everybody was served or gave up");
      }
    }
    int last = clients.size() - 1;
    CompletableFuture<Permit> all = semaphores.get(last).acquireAsync(limit);
    cluster.pass(Duration.ofMinutes(1), this::check);
    assertEquals(limit, all.join().weight(), "no permit is lost for good");
    all.join().close();
    cluster.pass(Duration.ofSeconds(10), this::check);
    assertEquals("0", cluster.redis.hash("bouncer:{s}:state").get("used"));
    assertEquals(0, cluster.redis.size("bouncer:{s}:line"));
    assertTrue(granted > 0);
  }
}
