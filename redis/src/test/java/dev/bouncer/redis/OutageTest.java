package dev.bouncer.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import dev.bouncer.redis.server.RealRedis;
import io.lettuce.core.RedisURI;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A Redis that goes away, or refuses, at the worst moments; in simulated time. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class OutageTest {
  private static final Duration GRACE = Duration.ofSeconds(2);

  private final Clock clock = new Clock();
  private final FakeTransport transport = new FakeTransport();

  private RedisConnection connect() {
    return RedisConnection.open(transport, clock, Duration.ofSeconds(5));
  }

  private static RedisSemaphore semaphore(RedisConnection connection) {
    return connection.builder("api", 5).grace(GRACE).build();
  }

  @Test
  void tryAcquire_linkDiesBeforeItIsListenedTo_answersNotNow() {
    RedisConnection connection = connect();
    RedisSemaphore semaphore = semaphore(connection);
    transport.dead = true; // the next connection ends right after its handshake
    transport.links.getLast().end();
    clock.pass(Duration.ofSeconds(1));
    assertTrue(transport.links.size() > 1, "a connection that died at once was made");
    transport.refuse = true;
    clock.pass(Duration.ofSeconds(10));
    assertEquals(Optional.empty(), semaphore.tryAcquire());
  }

  @Test
  void connect_channelsAreForbidden_triesAgainWithGrowingPauses() {
    transport.forbidChannels = true; // what Redis 7 does to a user without channel permissions
    RedisConnection connection = connect();
    CompletableFuture<Permit> waiting = semaphore(connection).acquireAsync();
    clock.pass(Duration.ofSeconds(20));
    assertFalse(waiting.isDone());
    assertTrue(transport.links.size() <= 200, "links=" + transport.links.size());
  }

  @Test
  void lost_redisRefusesEveryMessageForAGrace_completes() throws Exception {
    RedisConnection connection = connect();
    LeasedPermit permit = (LeasedPermit) semaphore(connection).acquireAsync().get();
    CompletableFuture<String> lost = permit.lost();
    transport.error = new IllegalStateException("MISCONF Redis is configured to save snapshots");
    clock.pass(GRACE.multipliedBy(3));
    assertFalse(permit.isValid());
    assertTrue(lost.isDone(), "isValid() is false for good and nobody says so");
  }

  @Test
  void close_permitLostWhileRedisIsGone_endsTheConnection() throws Exception {
    RedisConnection connection = connect();
    Permit permit = semaphore(connection).acquireAsync().get();
    connection.close();
    transport.refuse = true;
    transport.links.getLast().end();
    clock.pass(GRACE.multipliedBy(3));
    permit.close();
    clock.pass(Duration.ofSeconds(10));
    assertTrue(transport.closed, "nothing is held, and still it tries to connect");
  }

  @Test
  void lost_nextSession_remindsRedisOfTheHighestFence() throws Exception {
    RedisConnection connection = connect();
    LeasedPermit permit = (LeasedPermit) semaphore(connection).acquireAsync().get();
    CompletableFuture<String> lost = permit.lost();
    transport.refuse = true;
    transport.links.getLast().end();
    clock.pass(GRACE.multipliedBy(3));
    assertTrue(lost.isDone());
    transport.refuse = false;
    clock.pass(Duration.ofSeconds(1));
    long reminded = Long.parseLong(transport.lastArguments.get(12));
    assertTrue(reminded >= 1, "a Redis that lost its data would begin again: fence=" + reminded);
  }

  @Test
  void connected_newsOfAnOlderLinkComesLate_newerLinkStays() throws Exception {
    RedisConnection connection = connect();
    RedisSemaphore semaphore = semaphore(connection);
    transport.holdSubscriptions = true;
    transport.links.getLast().end();
    clock.pass(Duration.ofSeconds(1));
    FakeTransport.FakeLink older = transport.links.getLast();
    transport.holdSubscriptions = false;
    older.end();
    clock.pass(Duration.ofSeconds(1));
    assertTrue(transport.links.getLast() != older);
    older.subscribed.complete(null); // a thread that was held up all the time
    CompletableFuture<Permit> permit = semaphore.acquireAsync();
    clock.pass(Duration.ofSeconds(1));
    assertEquals(1, permit.getNow(null).weight());
    assertTrue(older.messages == 0, "spoke on a dead link");
  }

  @Test
  void connect_serverAcceptsAndNeverAnswers_failsWithinTheTimeout() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Duration timeout = Duration.ofMillis(300);
      RedisURI uri = RedisURI.create("redis://:s3cret@127.0.0.1:" + silent.getLocalPort());
      LettuceTransport lettuce = new LettuceTransport(uri, timeout);
      try {
        CompletableFuture<Transport.Link> link = lettuce.connect().toCompletableFuture();
        ExecutionException failure =
            assertThrows(ExecutionException.class, () -> link.get(20, TimeUnit.SECONDS));
        assertInstanceOf(RedisUnavailableException.class, failure.getCause());
        for (Throwable t = failure; t != null; t = t.getCause()) {
          assertFalse(t.toString().contains("s3cret"), t.toString());
        }
      } finally {
        lettuce.close();
      }
    }
  }

  @Test
  void connect_uriCannotBeRead_saysSoWithoutThePassword() {
    for (String uri :
        List.of(
            "redis://:s3cret@",
            "redis://:s3cret@host:99999999999",
            "redis://:s3 cret@host",
            "redis://:s3cret@host/x",
            "redis://:s3cret@host:0",
            "redis-sentinel://:s3cret@host",
            "http://:s3cret@host",
            "redis://:s3cret@host?timeout=x")) {
      try {
        RedisSemaphore.connect(uri, Duration.ofMillis(200)).close();
      } catch (IllegalArgumentException | RedisUnavailableException refused) {
        for (Throwable t = refused; t != null; t = t.getCause()) {
          assertFalse(t.toString().matches("(?s).*s3 ?cret.*"), uri + " -> " + t);
        }
      }
    }
  }

  @Test
  void flushAll_nameWithCharactersOfAPattern_grantsNothingBeforeTheGrace() throws Exception {
    try (RealRedis redis = RealRedis.start().awaitUptime(4);
        RedisConnection one = RedisSemaphore.connect(redis.uri());
        RedisConnection two = RedisSemaphore.connect(redis.uri())) {
      RedisSemaphore holder = one.builder("jobs[eu]", 1).grace(GRACE).strictFifo(true).build();
      RedisSemaphore other = two.builder("jobs[eu]", 1).grace(GRACE).strictFifo(true).build();
      try (LeasedPermit held = holder.acquire()) {
        redis.command("FLUSHALL");
        boolean granted = other.tryAcquire().isPresent();
        assertFalse(granted && held.isValid(), "two valid permits, limit=1");
      }
    }
  }

  private static final class Clock implements Timing {
    private final PriorityQueue<Alarm> alarms =
        new PriorityQueue<>(Comparator.comparingLong(Alarm::at));
    private long now;
    private final Random random = new Random(1);
    private boolean closed;

    private record Alarm(long at, CompletableFuture<Void> future, Runnable action) {}

    void pass(Duration time) {
      long end = now + time.toNanos();
      while (!alarms.isEmpty() && alarms.peek().at() <= end) {
        Alarm next = alarms.poll();
        now = next.at();
        if (!next.future().isDone()) {
          next.action().run();
        }
      }
      now = end;
    }

    @Override
    public long nanoTime() {
      return now;
    }

    @Override
    public Future<?> after(long nanos, Runnable action) {
      Alarm alarm = new Alarm(now + nanos, new CompletableFuture<>(), action);
      if (!closed) {
        alarms.add(alarm);
      }
      return alarm.future();
    }

    @Override
    public RandomGenerator random() {
      return random;
    }

    @Override
    public void deliver(Runnable action) {
      action.run();
    }

    @Override
    public void close() {
      closed = true;
      alarms.clear();
    }
  }

  private static final class FakeTransport implements Transport {
    private final List<FakeLink> links = new ArrayList<>();
    private boolean dead;
    private boolean refuse;
    private boolean forbidChannels;
    private boolean closed;
    private RuntimeException error;
    private boolean holdSubscriptions;
    private List<String> lastArguments = List.of();

    @Override
    public CompletionStage<Link> connect() {
      if (refuse) {
        return CompletableFuture.failedFuture(new RedisUnavailableException("away"));
      }
      FakeLink link = new FakeLink();
      links.add(link);
      return CompletableFuture.completedFuture(link);
    }

    @Override
    public void close() {
      closed = true;
    }

    private final class FakeLink implements Link {
      private final boolean stillborn = dead;
      private Runnable onEnd = () -> {};
      private boolean ended;
      private long granted;
      private int messages;
      private final CompletableFuture<Void> subscribed = new CompletableFuture<>();

      void end() {
        if (!ended) {
          ended = true;
          onEnd.run();
        }
      }

      @Override
      public Server server() {
        return new Server("run", 3_600_000, false);
      }

      @Override
      public CompletionStage<List<Object>> run(List<String> keys, List<String> arguments) {
        messages++;
        lastArguments = arguments;
        if (error != null) {
          return CompletableFuture.failedFuture(error);
        }
        StringBuilder grants = new StringBuilder();
        for (String wish : arguments.getLast().split(";", 0)) {
          if (!wish.isEmpty() && !wish.split(" ", -1)[2].equals("0")) {
            granted++;
            grants.append(granted + " " + wish.split(" ", -1)[0] + " 1 " + granted + ";");
          }
        }
        return CompletableFuture.completedFuture(
            List.of("ok", granted, 0L, 5L, 0L, 0L, 0L, granted, 0L, grants.toString()));
      }

      @Override
      public CompletionStage<Void> subscribe(List<String> channels) {
        if (forbidChannels) {
          return CompletableFuture.failedFuture(new IllegalStateException("NOPERM"));
        }
        if (holdSubscriptions) {
          return subscribed;
        }
        return stillborn || ended
            ? CompletableFuture.failedFuture(new IllegalStateException("closed"))
            : CompletableFuture.completedFuture(null);
      }

      @Override
      public void unsubscribe(List<String> channels) {}

      @Override
      public void listen(BiConsumer<String, String> onMessage, Runnable end) {
        onEnd = end;
        if (stillborn) {
          end();
        }
      }

      @Override
      public void close() {
        end();
      }
    }
  }
}
