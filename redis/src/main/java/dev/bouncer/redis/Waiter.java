package dev.bouncer.redis;

import org.jspecify.annotations.Nullable;

/**
 * One request that this JVM has not granted yet. {@code state} decides everything: it leaves {@code
 * WAITING} once, under the lock of its {@link LocalLine}; whoever asked is told afterwards.
 *
 * <pre>
 *             grant                     a permit is its own
 *   WAITING  ───────────────────────►  GRANTED
 *             timeout, interrupt, cancel, "not now", close
 *            ───────────────────────►  LEFT      holds nothing
 * </pre>
 */
abstract class Waiter {
  enum State {
    WAITING,
    GRANTED,
    LEFT
  }

  /** Why a waiter leaves by itself. */
  enum Departure {
    TIMED_OUT,
    CANCELLED
  }

  final LocalLine owner;
  final int weight;
  final long since;

  /** Neighbours in the line; guarded by the lock, like all below. */
  @Nullable Waiter next;

  @Nullable Waiter previous;

  /** The wish that Redis knows it by; null until that was sent. */
  @Nullable Run run;

  private volatile State state = State.WAITING;
  private @Nullable RedisPermit permit;
  private @Nullable Throwable refusal;

  Waiter(LocalLine owner, int weight, long since) {
    this.owner = owner;
    this.weight = weight;
    this.since = since;
  }

  final boolean isWaiting() {
    return state == State.WAITING;
  }

  final boolean isGranted() {
    return state == State.GRANTED;
  }

  /** Decides for it; called with the lock held, while it waits. */
  final void grant(RedisPermit granted) {
    permit = granted;
    state = State.GRANTED;
  }

  /** Decides against it; called with the lock held, while it waits. Null says "not now". */
  final void leave(@Nullable Throwable reason) {
    refusal = reason;
    state = State.LEFT;
  }

  /** The permit; null if it left. Only after the decision. */
  final @Nullable RedisPermit permit() {
    return permit;
  }

  final @Nullable Throwable refusal() {
    return refusal;
  }

  /** Tells whoever asked what was decided; holds no lock, never blocks, runs no code of users. */
  abstract void tell();
}
