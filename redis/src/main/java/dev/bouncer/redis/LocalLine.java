package dev.bouncer.redis;

import dev.bouncer.LimiterStats;
import dev.bouncer.Permit;
import dev.bouncer.redis.Waiter.Departure;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The part of the cluster's line that stands in this JVM: the calls of one semaphore.
 *
 * <p>Each call changes the {@link LocalBooks} under the lock and lets the {@link Conversation} go
 * on; Redis decides who is next over all machines, debits the limit, and tells the winner. What a
 * call caused, waiters to wake and messages to send, leaves through an {@link Outbox} when the lock
 * was let go: it is the innermost one, and no user code runs under it, nor any call of the driver.
 */
final class LocalLine {
  final Timing timing;
  private final Options options;
  private final Object lock = new Object();
  private final LocalBooks books; // guarded by the lock
  private final Conversation conversation;
  private final Deliveries deliveries;

  LocalLine(Options options, Timing timing, Runnable onEnded) {
    this.options = options;
    this.timing = timing;
    this.deliveries = new Deliveries(timing);
    this.books = new LocalBooks(this, options, timing);
    this.conversation = new Conversation(lock, books, options, timing, deliveries, onEnded);
  }

  String name() {
    return options.name();
  }

  Conversation conversation() {
    return conversation;
  }

  // Asking.

  /** A permit without asking Redis, if there is an idle one and nobody is in line. */
  @Nullable RedisPermit takeIdle(int weight) {
    synchronized (lock) {
      return books.takeIdle(weight);
    }
  }

  /** Waits in line, parked; null when the time was up. */
  @Nullable RedisPermit await(int weight, long nanos) throws InterruptedException {
    ParkedWaiter waiter = new ParkedWaiter(this, weight, timing.nanoTime());
    join(waiter);
    return waiter.await(nanos);
  }

  /** Asks Redis for a permit right now; null for "not now", also when Redis cannot be reached. */
  @Nullable RedisPermit attempt(int weight) {
    ParkedWaiter waiter = new ParkedWaiter(this, weight, timing.nanoTime());
    return attempt(waiter) ? waiter.awaitAnswer() : null;
  }

  /** Stands in line; the timeout, if there is one, ends the wait. */
  CompletableFuture<Permit> join(int weight, @Nullable Duration timeout) {
    FutureWaiter waiter = new FutureWaiter(this, weight, timing.nanoTime());
    join(waiter);
    if (timeout != null) {
      waiter.setAlarm(
          timing.after(
              Timing.toNanos(timeout),
              () -> withdraw(waiter, Departure.TIMED_OUT, timeout(weight, timeout))));
    }
    return waiter.future;
  }

  /** Like {@link #attempt(int)}, as a future that fails with {@link TimeoutException}. */
  CompletableFuture<Permit> attemptAsync(int weight) {
    FutureWaiter waiter = new FutureWaiter(this, weight, timing.nanoTime());
    return attempt(waiter)
        ? waiter.future
        : CompletableFuture.failedFuture(timeout(weight, Duration.ZERO));
  }

  private void join(Waiter waiter) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      books.join(waiter, outbox);
      conversation.goOn(outbox);
    }
    outbox.send();
  }

  private boolean attempt(Waiter waiter) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (!books.attempt(waiter, conversation.isReachable())) {
        return false;
      }
      conversation.goOn(outbox);
    }
    outbox.send();
    return true;
  }

  /**
   * Leaves the line or the attempt; false if the waiter was decided before.
   *
   * @param reason for a future, null if whoever asked knows
   */
  boolean withdraw(Waiter waiter, Departure departure, @Nullable Throwable reason) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (!waiter.isWaiting()) {
        return false;
      }
      books.withdraw(waiter, departure, reason, outbox);
      conversation.goOn(outbox);
    }
    outbox.send();
    return true;
  }

  // Giving back, changing, closing.

  void giveBack(RedisPermit permit) {
    Outbox outbox;
    synchronized (lock) {
      if (!books.takeBack(permit)) {
        conversation.armTick();
        return;
      }
      outbox = new Outbox();
      books.settleIdle(outbox);
      conversation.goOn(outbox);
      conversation.endIfDone(outbox);
    }
    outbox.send();
  }

  void setLimit(int limit) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      books.setLimit(limit);
      conversation.goOn(outbox);
    }
    outbox.send();
  }

  void close() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (books.isClosed()) {
        return;
      }
      books.close(outbox);
      conversation.goOn(outbox);
      conversation.endIfDone(outbox);
    }
    outbox.send();
  }

  CompletableFuture<String> lostFuture(RedisPermit permit) {
    synchronized (lock) {
      CompletableFuture<String> future = permit.lost;
      if (future == null) {
        future = new CompletableFuture<>();
        permit.lost = future;
        String reason = permit.session.lostReason();
        if (reason != null) {
          future.complete(reason); // nobody can have an action on it yet
        } else if (!permit.isClosed()) {
          permit.session.watched.add(permit);
        }
      }
      return future;
    }
  }

  // Telling and looking.

  Deliveries deliveries() {
    return deliveries;
  }

  /** Whether nothing is on its way: every grant that Redis has for this JVM has arrived. */
  boolean isQuiet() {
    synchronized (lock) {
      return conversation.isQuiet() && deliveries.areDone();
    }
  }

  boolean isClosed() {
    synchronized (lock) {
      return books.isClosed();
    }
  }

  TimeoutException timeout(int weight, Duration timeout) {
    synchronized (lock) {
      LimiterStats now = books.stats();
      return new TimeoutException(
          "no permit in time: limiter=%s timeout=%s weight=%d limit=%d inUse=%d available=%d waiting=%d%s"
              .formatted(
                  now.name(),
                  timeout,
                  weight,
                  now.limit(),
                  now.inUse(),
                  now.available(),
                  now.waiting(),
                  conversation.isReachable() ? "" : " redis=unreachable"));
    }
  }

  int limit() {
    synchronized (lock) {
      return books.cluster().limit();
    }
  }

  LimiterStats stats() {
    synchronized (lock) {
      return books.stats();
    }
  }
}
