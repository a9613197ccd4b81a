package dev.bouncer.redis;

/**
 * What Redis last said of the whole cluster: the limit, and how much the others hold and want.
 * Guarded by the lock of the {@link LocalLine}.
 */
final class ClusterView {
  private int limit;
  private int limitToSet;
  private long fence;
  private int othersInUse;
  private int othersWaiting;

  ClusterView(Options options) {
    limit = options.limit();
    limitToSet = options.policy() == LimitPolicy.REPLACE ? options.limit() : -1;
  }

  int limit() {
    return limit;
  }

  /** What Redis has to be told, below zero for nothing. */
  int limitToSet() {
    return limitToSet;
  }

  void setLimit(int newLimit) {
    limitToSet = newLimit;
    limit = newLimit;
  }

  /** The highest fence that any session of this JVM has heard of. */
  long fence() {
    return fence;
  }

  int othersInUse() {
    return othersInUse;
  }

  boolean isAnybodyWaitingElsewhere() {
    return othersWaiting > 0;
  }

  /** Somebody does; the next answer says how many. */
  void othersBeginToWait() {
    othersWaiting = 1;
  }

  void learn(Message message, Answer answer) {
    if (message.limit() >= 0 && message.limit() == limitToSet) {
      limitToSet = -1;
    }
    if (limitToSet < 0) {
      limit = answer.limit();
    }
    othersInUse = answer.othersInUse();
    othersWaiting = answer.othersWaiting();
    fence = Math.max(fence, answer.fence());
  }

  /** A grant to this JVM: the others cannot hold more than what is left. */
  void granted(Answer.Grant grant, int heldHere) {
    othersInUse = Math.min(othersInUse, Math.max(0, limit - heldHere));
    fence = Math.max(fence, grant.fence());
  }
}
