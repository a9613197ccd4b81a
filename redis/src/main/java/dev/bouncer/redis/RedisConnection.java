package dev.bouncer.redis;

import io.lettuce.core.RedisURI;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A connection to one Redis, shared by any number of semaphores; made by {@link
 * RedisSemaphore#connect(String)}. When it breaks it is made anew, as often as it takes, and the
 * semaphores resume by themselves. All methods may be called from any thread.
 */
public final class RedisConnection implements AutoCloseable {
  private static final System.Logger LOGGER = System.getLogger("dev.bouncer.redis");
  private static final long FIRST_RETRY = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long LONGEST_RETRY = TimeUnit.MILLISECONDS.toNanos(200);

  private final Transport transport;
  private final Timing timing;
  private final CountDownLatch end = new CountDownLatch(1);
  private final Object lock = new Object();

  // Guarded by the lock.
  private final List<LocalLine> lines = new ArrayList<>();
  private Transport.@Nullable Link link;
  private long links;
  private long retryNanos = FIRST_RETRY;
  private long connectedAt;
  private boolean complained;
  private boolean closed;
  private boolean stopped;

  private RedisConnection(Transport transport, Timing timing) {
    this.transport = transport;
    this.timing = timing;
  }

  static RedisConnection open(String uri, Duration timeout) {
    if (!timeout.isPositive()) {
      throw new IllegalArgumentException("timeout must be above zero: timeout=" + timeout);
    }
    RedisURI parsed;
    try {
      parsed = RedisURI.create(uri);
    } catch (IllegalArgumentException unreadable) {
      // The reason, but not the URI: it may hold a password.
      throw new IllegalArgumentException(
          "uri must be redis://[:password@]host[:port][/database]: reason="
              + unreadable.getClass().getSimpleName());
    }
    return open(new LettuceTransport(parsed, timeout), Timing.system(), timeout);
  }

  static RedisConnection open(Transport transport, Timing timing, Duration timeout) {
    RedisConnection connection = new RedisConnection(transport, timing);
    try {
      Transport.Link first =
          transport
              .connect()
              .toCompletableFuture()
              .get(Timing.toNanos(timeout), TimeUnit.NANOSECONDS);
      connection.connected(first);
      return connection;
    } catch (ExecutionException failed) {
      connection.stop();
      if (failed.getCause() instanceof RedisUnavailableException unavailable) {
        throw unavailable;
      }
      throw new RedisUnavailableException("Redis must be reachable", failed);
    } catch (TimeoutException late) {
      connection.stop();
      throw new RedisUnavailableException("Redis must answer in time: timeout=" + timeout, late);
    } catch (InterruptedException interrupt) {
      connection.stop();
      Thread.currentThread().interrupt();
      throw new RedisUnavailableException("interrupted while connecting to Redis", interrupt);
    }
  }

  /**
   * Opens a semaphore with the defaults of {@link #builder}. Does not wait for Redis.
   *
   * @param name of the limit, the same on all machines
   * @param limit units that may be in use at once, zero or more; if Redis remembers another limit
   *     of this name, that one stays in force
   * @return the semaphore, to be closed by the caller
   * @throws IllegalArgumentException if the name or the limit is not as it must be
   * @throws IllegalStateException if this connection is closed
   */
  public RedisSemaphore semaphore(String name, int limit) {
    return builder(name, limit).build();
  }

  /**
   * Prepares a semaphore.
   *
   * @param name of the limit, the same on all machines; 1 to 200 characters without braces
   * @param limit units that may be in use at once, zero or more
   * @return a builder
   * @throws IllegalArgumentException if the name or the limit is not as it must be
   */
  public RedisSemaphore.Builder builder(String name, int limit) {
    return new RedisSemaphore.Builder(this, name, limit);
  }

  RedisSemaphore open(Options options) {
    LocalLine[] self = new LocalLine[1];
    LocalLine line = new LocalLine(options, timing, () -> ended(self[0]));
    self[0] = line;
    Transport.Link current;
    long number;
    synchronized (lock) {
      if (closed) {
        throw new IllegalStateException("the connection is closed: semaphore=" + options.name());
      }
      lines.add(line);
      current = link;
      number = links;
    }
    if (current != null) {
      line.conversation().connected(current, number);
    }
    return new RedisSemaphore(line);
  }

  /** Tells whether a link is up at this moment. */
  boolean isConnected() {
    synchronized (lock) {
      return link != null;
    }
  }

  private void connected(Transport.Link fresh) {
    List<LocalLine> all;
    long number;
    synchronized (lock) {
      if (stopped) {
        fresh.close();
        return;
      }
      link = fresh;
      links++;
      number = links;
      connectedAt = timing.nanoTime();
      if (complained) {
        complained = false;
        LOGGER.log(Level.INFO, "Redis can be reached again");
      }
      all = List.copyOf(lines);
    }
    fresh.listen(this::pushed, () -> disconnected(fresh));
    all.forEach(line -> line.conversation().connected(fresh, number));
  }

  private void pushed(String channel, String text) {
    List<LocalLine> all;
    synchronized (lock) {
      all = lines.size() == 1 ? List.of(lines.getFirst()) : List.copyOf(lines);
    }
    all.forEach(line -> line.conversation().pushed(channel, text));
  }

  private void disconnected(Transport.Link gone) {
    List<LocalLine> all;
    long number;
    synchronized (lock) {
      if (link != gone) {
        return;
      }
      link = null;
      number = links;
      if (timing.nanoTime() - connectedAt > LONGEST_RETRY) {
        retryNanos = FIRST_RETRY; // one that ends at once is no success
      }
      all = List.copyOf(lines);
    }
    all.forEach(line -> line.conversation().disconnected(number));
    retry();
  }

  private void retry() {
    long nanos;
    synchronized (lock) {
      if (stopped) {
        return;
      }
      nanos = retryNanos + timing.random().nextLong(retryNanos);
      retryNanos = Math.min(2 * retryNanos, LONGEST_RETRY);
    }
    var _ = timing.after(nanos, this::reconnect);
  }

  private void reconnect() {
    transport
        .connect()
        .whenComplete((fresh, failure) -> {
          if (fresh != null) {
            connected(fresh);
          } else {
            complain(failure);
            retry();
          }
        });
  }

  private void complain(@Nullable Throwable failure) {
    synchronized (lock) {
      if (complained || stopped) {
        return;
      }
      complained = true;
    }
    Throwable reason =
        failure instanceof CompletionException wrapper && wrapper.getCause() != null
            ? wrapper.getCause()
            : failure;
    LOGGER.log(
        Level.WARNING,
        "Redis cannot be used, trying again until it can: "
            + (reason == null ? "no reason given" : reason.getMessage()));
  }

  private void ended(LocalLine line) {
    boolean last;
    synchronized (lock) {
      lines.remove(line);
      last = closed && lines.isEmpty();
    }
    if (last) {
      stop();
    }
  }

  /**
   * Closes all semaphores of this connection. Permits that are held stay valid; the connection ends
   * when the last of them was given back. Never blocks.
   */
  @Override
  public void close() {
    List<LocalLine> all;
    synchronized (lock) {
      closed = true;
      all = List.copyOf(lines);
    }
    all.forEach(LocalLine::close);
    if (all.isEmpty()) {
      stop();
    }
  }

  /**
   * Closes like {@link #close()}, and waits until the last permit was given back and Redis knows
   * it: for a JVM that is about to exit.
   *
   * @param timeout the longest wait; zero or less only looks
   * @return whether that was so in time
   * @throws InterruptedException if the thread was interrupted
   */
  public boolean closeAndAwait(Duration timeout) throws InterruptedException {
    close();
    return end.await(Timing.toNanos(timeout), TimeUnit.NANOSECONDS);
  }

  private void stop() {
    synchronized (lock) {
      if (stopped) {
        return;
      }
      stopped = true;
    }
    timing.close();
    transport.close();
    end.countDown();
  }
}
