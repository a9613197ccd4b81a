package dev.bouncer.redis;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Several JVMs, a network and a Redis in one thread: everything comes from a seed, so that a seed
 * repeats exactly, and its trace can be looked at. Messages on one link keep their order. When a
 * link breaks, what is on its way is lost, or still arrives, later than what was sent after it on
 * another link, or twice.
 */
final class SimulatedCluster {
  /** One thing that happens. */
  private record Event(long at, long order, Runnable action) {}

  final Random random;
  final ScriptedRedis redis;
  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          (a, b) -> a.at != b.at ? Long.compare(a.at, b.at) : Long.compare(a.order, b.order));
  private long order;
  private long now = 1_000_000_000_000L;
  private long serverSkewNanos;
  private long serverStartedAt;
  private String run = "run-1";
  private int runs = 1;
  private boolean promoted;
  private boolean up = true;
  private int clients;
  private int linksMade;
  final List<SimulatedLink> links = new ArrayList<>();
  private final @Nullable Consumer<String> trace;
  private long latestSkewNanos;

  /** Whether links break by themselves, just before or just after Redis has heard of a message. */
  boolean linksAreBad;

  Runnable onTokensForgotten = () -> {};
  Consumer<Client> onContact = _ -> {};

  /** With a trace, each message and each fault is a line of it. */
  SimulatedCluster(long seed, @Nullable Consumer<String> trace) {
    this.trace = trace;
    random = new Random(seed);
    serverStartedAt = now - Duration.ofDays(1).toNanos();
    redis =
        new ScriptedRedis(
            () -> (now + serverSkewNanos) / 1_000 + 1_700_000_000_000_000L,
            () -> links.stream().flatMap(link -> link.channels.stream()).distinct().toList(),
            channel -> (int) links.stream().filter(link -> link.channels.contains(channel)).count(),
            (channel, text) ->
                List.copyOf(links).stream()
                    .filter(link -> link.channels.contains(channel))
                    .forEach(link -> link.push(channel, text)));
  }

  long now() {
    return now;
  }

  void note(Supplier<String> what) {
    if (trace != null) {
      trace.accept("%.3f ms %s".formatted((now - 1_000_000_000_000L) / 1e6, what.get()));
    }
  }

  void at(long delayNanos, Runnable action) {
    events.add(new Event(now + delayNanos, order++, action));
  }

  /** Lets the time pass; every event happens at its time. */
  void pass(Duration duration, Runnable afterEach) {
    long end = now + duration.toNanos();
    while (!events.isEmpty() && events.peek().at <= end) {
      Event next = events.poll();
      now = Math.max(now, next.at);
      next.action.run();
      afterEach.run();
    }
    now = end;
  }

  long networkDelay() {
    long usual = random.nextLong(20_000, 300_000);
    return random.nextInt(50) == 0 ? random.nextLong(20_000_000) : usual;
  }

  void jumpServerClock(Duration by) {
    note(() -> "clock of Redis jumps by " + by);
    latestSkewNanos = Math.max(latestSkewNanos, serverSkewNanos);
    serverSkewNanos += by.toNanos();
    if (redis.isEmpty() && serverSkewNanos < latestSkewNanos) {
      onTokensForgotten.run();
    }
  }

  /** The server dies, and is back at once, with or without its data. */
  void restart(boolean empty, boolean asReplica) {
    note(() -> "Redis restarts" + (empty ? " empty" : "") + (asReplica ? " as a replica" : ""));
    List.copyOf(links).forEach(SimulatedLink::breakOff);
    run = "run-" + ++runs;
    promoted = asReplica;
    serverStartedAt = asReplica ? now - Duration.ofHours(1).toNanos() : now;
    if (empty) {
      loseData();
    }
  }

  /** A replica takes over that has not seen what the primary did since then. */
  void failOver(Runnable then) {
    restart(false, true);
    note(() -> "Redis is a replica that had fallen behind");
    then.run();
    if (serverSkewNanos < latestSkewNanos) {
      onTokensForgotten.run();
    }
  }

  /**
   * Redis begins tokens anew by its clock; only if that went back, and nobody reminds it, lower.
   */
  void loseData() {
    note(() -> "Redis loses its data");
    redis.flushAll();
    if (serverSkewNanos < latestSkewNanos) {
      onTokensForgotten.run();
    }
  }

  void setUp(boolean reachable) {
    note(() -> reachable ? "Redis is up" : "Redis is down");
    up = reachable;
    if (!reachable) {
      List.copyOf(links).forEach(SimulatedLink::breakOff);
    }
  }

  /** One JVM. */
  final class Client {
    private boolean dead;
    private long pausedUntil;
    private final int number = ++clients;
    final List<SimulatedLink> mine = new ArrayList<>();
    final RedisConnection connection =
        RedisConnection.open(transport(), timing(), Duration.ofSeconds(1));

    /** kill -9. */
    void die() {
      note(() -> this + " dies");
      dead = true;
      List.copyOf(mine).forEach(SimulatedLink::breakOff);
    }

    boolean isDead() {
      return dead;
    }

    /** SIGSTOP and, later, SIGCONT; the sockets stay. */
    void pause(Duration duration) {
      note(() -> this + " is paused for " + duration);
      pausedUntil = Math.max(pausedUntil, now + duration.toNanos());
    }

    boolean isPaused() {
      return now < pausedUntil;
    }

    @Override
    public String toString() {
      return "client-" + number;
    }

    private void whenRunning(long delay, Runnable action) {
      at(
          delay,
          () -> {
            if (dead) {
              return;
            }
            if (isPaused()) {
              whenRunning(pausedUntil - now, action);
            } else {
              action.run();
            }
          });
    }

    private Timing timing() {
      return new Timing() {
        @Override
        public long nanoTime() {
          return now;
        }

        @Override
        public Future<?> after(long nanos, Runnable action) {
          CompletableFuture<Void> alarm = new CompletableFuture<>();
          if (nanos < Duration.ofDays(1).toNanos()) {
            whenRunning(
                nanos,
                () -> {
                  if (!alarm.isCancelled()) {
                    action.run();
                  }
                });
          }
          return alarm;
        }

        @Override
        public void deliver(Runnable action) {
          whenRunning(1_000, action);
        }

        @Override
        public RandomGenerator random() {
          return random;
        }

        @Override
        public void close() {}
      };
    }

    private Transport transport() {
      return new Transport() {
        private boolean first = true;

        @Override
        public CompletionStage<Transport.Link> connect() {
          if (first) {
            first = false;
            return CompletableFuture.completedFuture(new SimulatedLink(Client.this));
          }
          CompletableFuture<Transport.Link> fresh = new CompletableFuture<>();
          whenRunning(
              networkDelay() * 3,
              () -> {
                if (up) {
                  fresh.complete(new SimulatedLink(Client.this));
                } else {
                  fresh.completeExceptionally(new RedisUnavailableException("down"));
                }
              });
          return fresh;
        }

        @Override
        public void close() {}
      };
    }
  }

  /** One connection. */
  final class SimulatedLink implements Transport.Link {
    private final Client client;
    private final int number = ++linksMade;
    private final Transport.Server server =
        new Transport.Server(run, (now - serverStartedAt) / 1_000_000 / 1_000 * 1_000, promoted);
    final Set<String> channels = new HashSet<>();
    private BiConsumer<String, String> onMessage = (_, _) -> {};
    private Runnable onEnd = () -> {};
    private boolean broken;
    private long lastArrival;
    private long lastReturn;

    SimulatedLink(Client client) {
      this.client = client;
      client.mine.add(this);
      links.add(this);
      note(() -> this + " is made");
    }

    @Override
    public String toString() {
      return client + " link-" + number;
    }

    @Override
    public Transport.Server server() {
      return server;
    }

    @Override
    public CompletionStage<List<Object>> run(List<String> keys, List<String> arguments) {
      CompletableFuture<List<Object>> reply = new CompletableFuture<>();
      int fate = random.nextInt(4); // of a message that is on its way when the link breaks
      int breaks = linksAreBad ? random.nextInt(60) : 60;
      String sentTo = server.run();
      toServer(() -> {
        if (breaks == 0) {
          breakOff();
        }
        if (broken) {
          if (fate == 0 || !run.equals(sentTo)) {
            return;
          }
          at(
              random.nextInt(30_000_000),
              () -> {
                if (run.equals(sentTo)) {
                  executed(keys, arguments, "late");
                  if (fate == 1) {
                    executed(keys, arguments, "late, doubled");
                  }
                }
              });
          return;
        }
        List<Object> answer = executed(keys, arguments, "");
        if (breaks == 1) {
          breakOff();
        }
        toClient(() -> {
          note(() -> this + " answered " + answer);
          reply.complete(answer);
        });
      });
      return reply;
    }

    private List<Object> executed(List<String> keys, List<String> arguments, String how) {
      note(() -> this + " executes " + how + arguments);
      onContact.accept(client);
      List<Object> answer = redis.run(keys, arguments);
      note(() -> this + " -> " + answer);
      return answer;
    }

    private void toServer(Runnable action) {
      lastArrival = Math.max(lastArrival, now + networkDelay());
      at(lastArrival - now, action);
    }

    private void toClient(Runnable action) {
      lastReturn = Math.max(lastReturn, now + networkDelay());
      client.whenRunning(
          lastReturn - now,
          () -> {
            if (!broken) {
              action.run();
            }
          });
    }

    void push(String channel, String text) {
      toClient(() -> {
        note(() -> this + " hears " + text + " on " + channel);
        onMessage.accept(channel, text);
      });
    }

    @Override
    public CompletionStage<Void> subscribe(List<String> wanted) {
      CompletableFuture<Void> done = new CompletableFuture<>();
      toServer(() -> {
        if (!broken) {
          channels.addAll(wanted);
          note(() -> this + " subscribed to " + wanted);
          toClient(() -> done.complete(null));
        }
      });
      return done;
    }

    @Override
    public void unsubscribe(List<String> unwanted) {
      toServer(() -> unwanted.forEach(channels::remove));
    }

    @Override
    public void listen(BiConsumer<String, String> messages, Runnable end) {
      onMessage = messages;
      onEnd = end;
      if (broken) {
        client.whenRunning(0, end);
      }
    }

    /** The connection ends at once for the server, and a little later for the client. */
    void breakOff() {
      if (!broken) {
        note(() -> this + " breaks");
        broken = true;
        channels.clear();
        links.remove(this);
        client.mine.remove(this);
        client.whenRunning(networkDelay(), () -> onEnd.run());
      }
    }

    @Override
    public void close() {
      breakOff();
    }
  }
}
