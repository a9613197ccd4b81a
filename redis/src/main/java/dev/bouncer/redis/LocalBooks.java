package dev.bouncer.redis;

import dev.bouncer.LimiterClosedException;
import dev.bouncer.LimiterStats;
import dev.bouncer.redis.Answer.Grant;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What this JVM knows of one semaphore: who waits here, what it holds, and what Redis last said of
 * the others. Every change of the books says by itself whether Redis must hear of it, at once
 * ({@link #mustSend}) or a little later ({@link #maySendLater}). Guarded by the lock of the {@link
 * LocalLine}.
 *
 * <p>Unless told to be strict, units that are given back serve the next waiter of this JVM without
 * asking Redis, as long as nobody waits elsewhere; when somebody does, for a quantum more. Idle
 * units go back after {@link Options#reuseNanos}.
 */
final class LocalBooks {
  private final LocalLine owner;
  private final Options options;
  private final Timing timing;

  private final Wishes wishes = new Wishes();
  private Session session;
  private final IdleUnits idle = new IdleUnits();
  private final ClusterView cluster;
  private boolean mustSend;
  private boolean maySendLater;
  private boolean closed;
  private long acquired;
  private long rejected;
  private long timedOut;
  private long cancelled;

  LocalBooks(LocalLine owner, Options options, Timing timing) {
    this.owner = owner;
    this.options = options;
    this.timing = timing;
    this.cluster = new ClusterView(options);
    this.session = new Session(options.graceNanos(), timing);
  }

  Session session() {
    return session;
  }

  ClusterView cluster() {
    return cluster;
  }

  // Asking.

  /** A permit from the idle units, if nobody is in line. */
  @Nullable RedisPermit takeIdle(int weight) {
    if (closed || wishes.firstInLine() != null || idle.units() < weight || !mayHandOn()) {
      return null;
    }
    idle.use(weight);
    acquired++;
    return permit(weight);
  }

  void join(Waiter waiter, Outbox outbox) {
    requireOpen();
    requirePossible(waiter.weight);
    boolean redisKnowsThatWeWait = wishes.isLineKnown();
    wishes.append(waiter);
    handOn(outbox);
    if (waiter.isWaiting()) {
      giveBackIdle();
      if (options.strictFifo() || !redisKnowsThatWeWait || session.held() == 0) {
        mustSend = true;
      } else {
        maySendLater = true; // a grant will come anyway
      }
    }
  }

  /** Asks for a permit right now; false if it can have none. */
  boolean attempt(Waiter waiter, boolean isReachable) {
    requireOpen();
    requirePossible(waiter.weight);
    if (wishes.firstInLine() != null || !isReachable) {
      return false;
    }
    giveBackIdle();
    wishes.attempt(waiter);
    mustSend = true;
    return true;
  }

  /** Takes a waiter that waits out of the line or the attempts. */
  void withdraw(
      Waiter waiter, Waiter.Departure departure, @Nullable Throwable reason, Outbox outbox) {
    if (departure == Waiter.Departure.TIMED_OUT) {
      timedOut++;
    } else {
      cancelled++;
    }
    boolean matters = wishes.remove(waiter, session);
    waiter.leave(reason);
    if (matters) {
      mustSend = true;
      handOn(outbox);
    }
    outbox.decided(waiter);
  }

  void setLimit(int newLimit) {
    cluster.setLimit(newLimit);
    mustSend = true;
    if (isOverLimit()) {
      giveBackIdle();
    }
  }

  void close(Outbox outbox) {
    closed = true;
    for (Waiter waiter = wishes.firstInLine(); waiter != null; waiter = wishes.firstInLine()) {
      wishes.remove(waiter, session);
      refuse(waiter, outbox);
    }
    wishes.giveUpAttempts(waiter -> refuse(waiter, outbox));
    giveBackIdle();
    mustSend = true;
  }

  private void refuse(Waiter waiter, Outbox outbox) {
    rejected++;
    waiter.leave(closedException());
    outbox.decided(waiter);
  }

  boolean isClosed() {
    return closed;
  }

  /** Whether it is closed and nothing is held any more. */
  boolean isDone() {
    return closed && session.held() == 0;
  }

  /** Whether Redis should hear often that this JVM lives. */
  boolean isBusy() {
    return session.held() > 0 || wishes.firstInLine() != null;
  }

  boolean isAnybodyWaiting() {
    return wishes.firstInLine() != null;
  }

  // Giving back and handing on.

  /** Takes units back; false if they simply stay here, and nobody has to hear of it now. */
  boolean takeBack(RedisPermit permit) {
    session.watched.remove(permit);
    if (permit.session != session) {
      return false; // lost: its units are somebody else's, or nobody's
    }
    idle.add(permit.weight());
    if (wishes.firstInLine() == null && mayHandOn() && !cluster.isAnybodyWaitingElsewhere()) {
      maySendLater = true;
      return false;
    }
    return true;
  }

  /** Idle units serve this JVM's waiters; what is left stays here only if nobody else wants it. */
  void settleIdle(Outbox outbox) {
    handOn(outbox);
    if (idle.units() > 0) {
      if (wishes.firstInLine() != null || cluster.isAnybodyWaitingElsewhere() || !mayHandOn()) {
        giveBackIdle();
      } else {
        maySendLater = true;
      }
    }
  }

  /** Whether units may go from hand to hand inside this JVM at this moment. */
  private boolean mayHandOn() {
    if (options.strictFifo() || closed || !session.hasTokens() || isOverLimit()) {
      return false;
    }
    long now = timing.nanoTime();
    return session.isConfirmed(now)
        && (!cluster.isAnybodyWaitingElsewhere() || idle.isWithinQuantum(now));
  }

  private boolean isOverLimit() {
    return session.held() > (long) cluster.limit() - cluster.othersInUse();
  }

  private void handOn(Outbox outbox) {
    Waiter head = wishes.firstInLine();
    while (head != null && head.weight <= idle.units() && mayHandOn()) {
      wishes.remove(head, session);
      idle.use(head.weight);
      grant(head, outbox);
      maySendLater = true; // Redis hears of the wishes that are fulfilled
      head = wishes.firstInLine();
    }
  }

  private void giveBackIdle() {
    if (idle.units() > 0) {
      session.release(idle.takeAll());
      mustSend = true;
    }
  }

  private RedisPermit permit(int weight) {
    return new RedisPermit(owner, session, weight, session.nextToken());
  }

  private void grant(Waiter waiter, Outbox outbox) {
    acquired++;
    waiter.grant(permit(waiter.weight));
    outbox.decided(waiter);
  }

  // What Redis must hear.

  boolean mustSend() {
    return mustSend;
  }

  void setMustSend() {
    mustSend = true;
  }

  boolean hasNews() {
    return mustSend || session.hasChanges();
  }

  /** Whether a tick is wanted, {@link Options#reuseNanos} from now. */
  boolean maySendLater() {
    return maySendLater;
  }

  void startsTick() {
    maySendLater = false;
    idle.look();
  }

  /** Gives back what nobody has used since the last tick, and says what could wait till now. */
  void tick() {
    int unused = idle.takeUnused();
    if (unused > 0) {
      session.release(unused);
      mustSend = true;
    }
    mustSend |= session.hasChanges() || wishes.hasUnsent();
    maySendLater = idle.units() > 0;
  }

  /** The runs of wishes that go with the message that is made now. */
  List<Run> takeWishes() {
    mustSend = false;
    return wishes.take(session);
  }

  // What Redis says.

  void confirmed(Message message, Answer answer, Outbox outbox) {
    session.confirmed(message.sentAt());
    boolean othersWaited = cluster.isAnybodyWaitingElsewhere();
    cluster.learn(message, answer);
    if (!othersWaited && cluster.isAnybodyWaitingElsewhere()) {
      idle.startQuantum(timing.nanoTime());
    }
    answer.grants().forEach(grant -> accept(grant, outbox));
    Wishes.giveUpAttempts(message.runs(), session, waiter -> notNow(waiter, outbox));
    session.delivered(message.runs());
    settleIdle(outbox);
  }

  /** Redis knows no wishes of this session any more: all are said once more. */
  void startOver(Message message, Answer answer, Outbox outbox) {
    answer.grants().forEach(grant -> accept(grant, outbox));
    wishes.repeatAttempts(message.runs());
    wishes.unsendLine();
    session.startOver(answer.granted(), answer.epoch());
    mustSend = true;
  }

  /** A new session takes the place of one that is lost. */
  void startSession() {
    session = new Session(options.graceNanos(), timing);
    idle.takeAll();
    wishes.unsendLine();
    mustSend = true;
  }

  /** Grants that Redis pushed: whether the session has all of them now. */
  boolean pushed(List<Grant> grants, Outbox outbox) {
    // A grant to a session that was not heard of for a grace may have been taken back.
    if (session.isConfirmed(timing.nanoTime())) {
      grants.forEach(grant -> accept(grant, outbox));
      settleIdle(outbox);
    }
    return grants.isEmpty() || session.granted() >= grants.getLast().number();
  }

  void othersBeginToWait() {
    if (!cluster.isAnybodyWaitingElsewhere() && !wishes.isLineKnown()) {
      cluster.othersBeginToWait();
      idle.startQuantum(timing.nanoTime());
      giveBackIdle();
    }
  }

  /** Grants that come in order are accepted; others come again with the next answer. */
  private void accept(Grant grant, Outbox outbox) {
    if (!session.expects(grant)) {
      return;
    }
    Run run = session.accept(grant);
    cluster.granted(grant, session.held());
    Waiter waiter = run == null ? null : run.first();
    idle.startQuantum(timing.nanoTime());
    if (run == null || waiter == null) {
      idle.add(grant.weight()); // whoever asked has gone
      return;
    }
    wishes.fulfilled(waiter, run, session);
    grant(waiter, outbox);
  }

  /** Redis may not have heard of these wishes, and attempts are made once. */
  void undelivered(List<Run> runs, Outbox outbox) {
    session.undelivered(runs);
    Wishes.giveUpAttempts(runs, session, waiter -> notNow(waiter, outbox));
  }

  /** Without a link, attempts that were not sent are over, too. */
  void giveUpAttempts(Outbox outbox) {
    wishes.giveUpAttempts(waiter -> notNow(waiter, outbox));
  }

  /** Redis has forgotten this session: what it has not served is asked by another one. */
  void sendAttemptsAgain(List<Run> runs) {
    wishes.repeatAttempts(runs);
  }

  private void notNow(Waiter waiter, Outbox outbox) {
    waiter.leave(
        waiter instanceof FutureWaiter ? owner.timeout(waiter.weight, Duration.ZERO) : null);
    outbox.decided(waiter);
  }

  // Looking.

  private void requireOpen() {
    if (closed) {
      rejected++;
      throw closedException();
    }
  }

  private LimiterClosedException closedException() {
    return new LimiterClosedException("the limiter is closed: limiter=" + options.name());
  }

  private void requirePossible(int weight) {
    if (weight > Math.max(cluster.limit(), 1)) {
      throw new IllegalArgumentException(
          "weight must not be above the limit: limiter=%s weight=%d limit=%d"
              .formatted(options.name(), weight, cluster.limit()));
    }
  }

  /** Whether somebody's permit is lost with the session. */
  boolean isAnybodyHolding() {
    return session.held() > idle.units();
  }

  private int inUse() {
    return session.held() - idle.units() + cluster.othersInUse();
  }

  LimiterStats stats() {
    long longest =
        Optional.ofNullable(wishes.firstInLine())
            .map(head -> timing.nanoTime() - head.since)
            .orElse(0L);
    return new LimiterStats(
        options.name(),
        cluster.limit(),
        inUse(),
        cluster.limit() - inUse(),
        wishes.waiting(),
        acquired,
        rejected,
        timedOut,
        cancelled,
        Duration.ofNanos(longest));
  }
}
