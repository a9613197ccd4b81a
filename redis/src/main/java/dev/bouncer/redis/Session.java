package dev.bouncer.redis;

import dev.bouncer.redis.Answer.Grant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What this JVM and Redis know of each other for one semaphore.
 *
 * <p>Four numbers that only grow carry everything: grants (Redis counts them), units given back,
 * runs of wishes and messages (this side counts them). Each message holds the newest of them, so it
 * does not matter whether an earlier one was lost, came twice or comes late. A session that Redis
 * gave up, or that could not reach Redis for a grace, is lost for good: its permits with it, and a
 * new session takes its place.
 *
 * <p>All but {@link #isConfirmed} is guarded by the lock of the {@link LocalLine}.
 */
final class Session {
  /** Tokens between two fences, for permits that are handed on inside this JVM. */
  private static final int TOKENS_PER_FENCE = 1 << 10;

  final String id;
  private final long graceNanos;

  /** When the newest message that Redis confirmed was sent. */
  private volatile long confirmedAt;

  private volatile @Nullable String lostReason;

  private long messages;
  private long answered;
  private long epoch;
  private long granted;
  private long released;
  private int held;
  private long lastRun;
  private boolean registered;
  private long fence;
  private int tokensUsed = TOKENS_PER_FENCE;

  private final Map<Long, Run> runs = new HashMap<>();
  private Set<Run> changed = new LinkedHashSet<>();

  /** Permits whose holders want to hear that they are lost. */
  final Set<RedisPermit> watched = new LinkedHashSet<>();

  Session(long graceNanos, Timing timing) {
    RandomGenerator random = timing.random();
    this.id = "%016x%016x".formatted(random.nextLong(), random.nextLong());
    // Both clocks run at their own speed, and Redis counts milliseconds.
    this.graceNanos = graceNanos - Math.max(graceNanos / 100, 2_000_000);
    this.confirmedAt = timing.nanoTime();
  }

  /** Whether Redis has confirmed within the grace that this session lives. Any thread may ask. */
  boolean isConfirmed(long now) {
    return lostReason == null && now - confirmedAt < graceNanos;
  }

  long sinceConfirmed(long now) {
    return now - confirmedAt;
  }

  boolean isRegistered() {
    return registered;
  }

  void confirmed(long sentAt) {
    registered = true;
    answered = messages;
    if (sentAt - confirmedAt > 0) {
      confirmedAt = sentAt;
    }
  }

  @Nullable String lostReason() {
    return lostReason;
  }

  void lose(String reason) {
    lostReason = reason;
  }

  // Units and tokens.

  /** Units granted and not given back; whether somebody uses them or not. */
  int held() {
    return held;
  }

  long released() {
    return released;
  }

  long granted() {
    return granted;
  }

  void release(int units) {
    released += units;
    held -= units;
  }

  /** Whether the grant is the next one; those that were seen before, and gaps, are not. */
  boolean expects(Grant grant) {
    return grant.number() == granted + 1;
  }

  /** Counts the grant and returns the run that it fulfils, null if nobody there waits any more. */
  @Nullable Run accept(Grant grant) {
    granted = grant.number();
    held += grant.weight();
    if (grant.fence() > fence) {
      fence = grant.fence();
      tokensUsed = 0;
    }
    Run run = runs.get(grant.run());
    return run == null || run.weight != grant.weight() ? null : run;
  }

  boolean hasTokens() {
    return tokensUsed < TOKENS_PER_FENCE;
  }

  long nextToken() {
    return fence * TOKENS_PER_FENCE + tokensUsed++;
  }

  // Wishes.

  Run newRun(int weight, boolean attempt) {
    Run run = new Run(++lastRun, weight, attempt);
    runs.put(run.number, run);
    changed.add(run);
    return run;
  }

  /** A waiter of the run left without a grant from Redis. */
  void withdrawn(Run run) {
    run.total--;
    changed.add(run);
  }

  void forget(Run run) {
    runs.remove(run.number);
    changed.remove(run);
  }

  void forgetIfUnchanged(Run run) {
    if (!changed.contains(run)) {
      runs.remove(run.number);
    }
  }

  boolean hasChanges() {
    return !changed.isEmpty();
  }

  /** Takes the changed runs for a message. */
  List<Run> takeChanges() {
    List<Run> taken = new ArrayList<>(changed);
    changed = new LinkedHashSet<>();
    return taken;
  }

  /** Redis has these; runs in which nobody waits need not be remembered. */
  void delivered(List<Run> sent) {
    for (Run run : sent) {
      if (run.isEmpty() && !changed.contains(run)) {
        runs.remove(run.number);
      }
    }
  }

  /** Redis may not have these: they go with the next message, in order. */
  void undelivered(List<Run> sent) {
    Set<Run> again = new LinkedHashSet<>(sent);
    again.addAll(changed);
    changed = again;
  }

  /** How often Redis forgot the wishes of this session, as far as is known here. */
  long epoch() {
    return epoch;
  }

  /** The newest message that Redis has confirmed, zero before the first. */
  long answered() {
    return answered;
  }

  /** Redis knows no wishes of this session; grants up to this number are history. */
  void startOver(long grantedByRedis, long epochOfRedis) {
    epoch = epochOfRedis;
    granted = Math.max(granted, grantedByRedis);
    runs.clear();
    changed.clear();
    registered = false;
  }

  long nextMessage() {
    return ++messages;
  }
}
