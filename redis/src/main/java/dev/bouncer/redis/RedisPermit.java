package dev.bouncer.redis;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Units of a {@link RedisSemaphore}, given back once. */
final class RedisPermit implements LeasedPermit {
  private final LocalLine owner;
  final Session session;
  private final int weight;
  private final long token;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Made when somebody asks for it; guarded by the lock of the owner. */
  @Nullable CompletableFuture<String> lost;

  RedisPermit(LocalLine owner, Session session, int weight, long token) {
    this.owner = owner;
    this.session = session;
    this.weight = weight;
    this.token = token;
  }

  @Override
  public int weight() {
    return weight;
  }

  @Override
  public long fencingToken() {
    return token;
  }

  @Override
  public boolean isValid() {
    return !closed.get() && session.isConfirmed(owner.timing.nanoTime());
  }

  @Override
  public CompletableFuture<String> lost() {
    return owner.lostFuture(this);
  }

  boolean isClosed() {
    return closed.get();
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      owner.giveBack(this);
    }
  }

  @Override
  public String toString() {
    return "Permit[limiter=%s weight=%d token=%d%s]"
        .formatted(owner.name(), weight, token, isClosed() ? " closed" : "");
  }
}
