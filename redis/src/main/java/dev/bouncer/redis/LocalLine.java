package dev.bouncer.redis;

import dev.bouncer.LimiterClosedException;
import dev.bouncer.LimiterStats;
import dev.bouncer.Permit;
import dev.bouncer.redis.Answer.Grant;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The part of the cluster's line that stands in this JVM: its waiters, the units it holds, and its
 * conversation with Redis.
 *
 * <h2>How it works</h2>
 *
 * <p>Whoever needs Redis changes the books under the lock and marks that something has to be said.
 * At most one {@link Message} travels at a time; it carries the newest state, so whatever happens
 * meanwhile goes together with the next one: thousands of callers share one round trip. Redis
 * decides who is next over all machines, debits the limit, and tells the winner by the answer or by
 * a push.
 *
 * <p>Unless told to be strict, units that are given back serve the next waiter of this JVM without
 * asking Redis, as long as nobody waits elsewhere; when somebody does, for {@link #QUANTUM_PERMITS}
 * permits or {@link #QUANTUM_NANOS} more. Idle units go back after {@link Options#reuseNanos}.
 *
 * <p>The lock is the innermost one; no user code runs under it, nor any call of the driver.
 */
final class LocalLine {
  private static final System.Logger LOGGER = System.getLogger("dev.bouncer.redis");

  /** While somebody waits elsewhere, so many permits a grant are handed on inside this JVM ... */
  static final int QUANTUM_PERMITS = 32;

  /** ... and for so long after the latest grant. */
  static final long QUANTUM_NANOS = 5_000_000;

  private static final long LONGEST_BEAT = TimeUnit.MILLISECONDS.toNanos(250);

  final Timing timing;
  private final Options options;
  private final Runnable onEnded;
  private final long beatNanos;

  private final Object lock = new Object();

  // All below is guarded by the lock.
  private final WaiterList line = new WaiterList();
  private List<Waiter> attempts = new ArrayList<>();
  private Session session;
  private Transport.@Nullable Link link;
  private long linkNumber; // of the newest link that came or went
  private boolean listening; // to the session's channel, so that messages may be sent
  private long listeningSince; // or asked to since then
  private @Nullable Message travelling;
  private boolean mustSend;
  private long connectedAt;
  private long lastBeat;
  private long lastUpkeep;
  private long lastComplaint;
  private int idle;
  private int fewestIdle;
  private boolean tickArmed;
  private int quantum;
  private long quantumStart;
  private int limit;
  private int limitToSet;
  private long fence; // the highest that any session has heard of
  private int othersInUse;
  private int othersWaiting;
  private boolean closed;
  private boolean ended;
  private long acquired;
  private long rejected;
  private long timedOut;
  private long cancelled;

  private final AtomicLong deliveries = new AtomicLong();

  /** Why a waiter leaves by itself. */
  enum Departure {
    TIMED_OUT,
    CANCELLED
  }

  LocalLine(Options options, Timing timing, Runnable onEnded) {
    this.options = options;
    this.timing = timing;
    this.onEnded = onEnded;
    this.beatNanos = Math.min(options.graceNanos() / 4, LONGEST_BEAT);
    this.limit = options.limit();
    this.limitToSet = options.policy() == LimitPolicy.REPLACE ? options.limit() : -1;
    long now = timing.nanoTime();
    this.session = new Session(options.graceNanos(), timing);
    this.lastBeat = now - options.leaseNanos();
    this.lastUpkeep = now;
    this.lastComplaint = now - TimeUnit.HOURS.toNanos(1);
    var _ = timing.after(beatNanos, this::upkeep);
  }

  String name() {
    return options.name();
  }

  // Asking.

  /** A permit without asking Redis, if there is an idle one and nobody is in line. */
  @Nullable RedisPermit takeIdle(int weight) {
    synchronized (lock) {
      if (closed || line.first() != null || idle < weight || !mayHandOn()) {
        return null;
      }
      idle -= weight;
      fewestIdle = Math.min(fewestIdle, idle);
      quantum--;
      acquired++;
      return permit(weight);
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
      requireOpen();
      requirePossible(waiter.weight);
      boolean redisKnowsThatWeWait = line.sent() > 0;
      line.append(waiter);
      handOn(outbox);
      if (waiter.isWaiting()) {
        giveBackIdle();
        if (options.strictFifo() || !redisKnowsThatWeWait || session.held() == 0) {
          mustSend = true;
        } else {
          armTick(); // a grant will come anyway; Redis hears of this one a little later
        }
      }
      outbox.message(nextMessage());
    }
    outbox.send(this);
  }

  private boolean attempt(Waiter waiter) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      requireOpen();
      requirePossible(waiter.weight);
      if (line.first() != null || link == null) {
        return false;
      }
      giveBackIdle();
      attempts.add(waiter);
      mustSend = true;
      outbox.message(nextMessage());
    }
    outbox.send(this);
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
      if (departure == Departure.TIMED_OUT) {
        timedOut++;
      } else {
        cancelled++;
      }
      if (attempts.remove(waiter)) {
        waiter.leave(reason);
      } else {
        removeWithoutGrant(waiter);
        waiter.leave(reason);
        mustSend = true;
        handOn(outbox);
      }
      outbox.decided(waiter);
      outbox.message(nextMessage());
    }
    outbox.send(this);
    return true;
  }

  /** Takes a waiter out; the wish that Redis knows is withdrawn with the next message. */
  private void removeWithoutGrant(Waiter waiter) {
    Run run = waiter.run;
    if (run != null && run.attempt) {
      run.removed(waiter, null);
    } else {
      line.remove(waiter);
    }
    if (run != null) {
      session.withdrawn(run);
    }
  }

  // Giving back and handing on.

  void giveBack(RedisPermit permit) {
    Outbox outbox = null;
    synchronized (lock) {
      session.watched.remove(permit);
      if (permit.session != session) {
        return; // lost: its units are somebody else's, or nobody's
      }
      idle += permit.weight();
      if (line.first() == null && mayHandOn() && othersWaiting == 0) {
        armTick();
        return;
      }
      outbox = new Outbox();
      settleIdle(outbox);
      outbox.message(nextMessage());
      endIfDone(outbox);
    }
    outbox.send(this);
  }

  /** Idle units serve this JVM's waiters; what is left stays here only if nobody else wants it. */
  private void settleIdle(Outbox outbox) {
    handOn(outbox);
    if (idle > 0) {
      if (line.first() != null || othersWaiting > 0 || !mayHandOn()) {
        giveBackIdle();
      } else {
        armTick();
      }
    }
  }

  /** Whether units may go from hand to hand inside this JVM at this moment. */
  private boolean mayHandOn() {
    if (options.strictFifo()
        || closed
        || !session.hasTokens()
        || session.held() > (long) limit - othersInUse) {
      return false;
    }
    long now = timing.nanoTime();
    return session.isConfirmed(now)
        && (othersWaiting == 0 || (quantum > 0 && now - quantumStart < QUANTUM_NANOS));
  }

  /** Serves the waiters of this JVM with idle units. */
  private void handOn(Outbox outbox) {
    Waiter head = line.first();
    while (head != null && head.weight <= idle && mayHandOn()) {
      removeWithoutGrant(head);
      idle -= head.weight;
      quantum--;
      grant(head, outbox);
      armTick(); // Redis hears of the wishes that are fulfilled
      head = line.first();
    }
    fewestIdle = Math.min(fewestIdle, idle);
  }

  private void giveBackIdle() {
    if (idle > 0) {
      session.release(idle);
      idle = 0;
      fewestIdle = 0;
      mustSend = true;
    }
  }

  private RedisPermit permit(int weight) {
    return new RedisPermit(this, session, weight, session.nextToken());
  }

  private void grant(Waiter waiter, Outbox outbox) {
    acquired++;
    waiter.grant(permit(waiter.weight));
    outbox.decided(waiter);
  }

  private void armTick() {
    if (!tickArmed) {
      tickArmed = true;
      fewestIdle = idle;
      var _ = timing.after(options.reuseNanos(), this::tick);
    }
  }

  /** Gives back what nobody has used since the last tick, and says what could wait till now. */
  private void tick() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      tickArmed = false;
      if (fewestIdle > 0) {
        session.release(fewestIdle);
        idle -= fewestIdle;
        fewestIdle = 0;
        mustSend = true;
      }
      mustSend |= session.hasChanges() || line.firstUnsent() != null;
      if (idle > 0) {
        armTick();
      }
      outbox.message(nextMessage());
    }
    outbox.send(this);
  }

  // Talking to Redis.

  /** The next message, if there is something to say and nothing on its way. */
  private @Nullable Message nextMessage() {
    Transport.Link to = link;
    if (to == null || !listening || travelling != null || !mustSend || ended) {
      return null;
    }
    mustSend = false;
    long now = timing.nanoTime();
    boolean ending = closed && session.held() == 0;
    boolean beat = !session.isRegistered() || now - lastBeat >= beatNanos * 3 / 4;
    if (beat) {
      lastBeat = now;
    }
    Run filling = null; // a run that was sent never grows
    for (Waiter waiter = line.firstUnsent(); waiter != null; waiter = line.firstUnsent()) {
      if (filling == null || filling.weight != waiter.weight) {
        filling = session.newRun(waiter.weight, false);
      }
      line.sent(waiter, filling);
    }
    for (Waiter waiter : attempts) {
      Run run = session.newRun(waiter.weight, true);
      run.add(waiter);
      waiter.run = run;
    }
    attempts = new ArrayList<>();
    List<Run> runs = session.takeChanges();
    StringBuilder wishes = new StringBuilder();
    runs.forEach(run -> wishes.append(run.wish()));
    String flags =
        (session.isRegistered() ? "" : "f")
            + (beat ? "b" : "")
            + (ending ? "e" : "")
            + (options.strictFifo() ? "" : "r");
    List<String> arguments =
        List.of(
            session.id,
            flags,
            Long.toString(session.nextMessage()),
            Long.toString(session.granted()),
            Long.toString(session.released()),
            Integer.toString(session.held()),
            to.server().run(),
            Long.toString(windowMillis(to.server(), now)),
            Long.toString(TimeUnit.NANOSECONDS.toMillis(options.graceNanos())),
            Long.toString(TimeUnit.NANOSECONDS.toMillis(options.leaseNanos())),
            Integer.toString(limit),
            limitToSet < 0 ? "" : Integer.toString(limitToSet),
            Long.toString(fence),
            options.channels(),
            Long.toString(session.epoch()),
            Long.toString(session.answered()),
            wishes.toString());
    Message message = new Message(to, session, arguments, runs, now, limitToSet, ending);
    travelling = message;
    return message;
  }

  /** How long a server without our state may have been up without anybody having come back. */
  private long windowMillis(Transport.Server server, long now) {
    long grace = TimeUnit.NANOSECONDS.toMillis(options.graceNanos());
    if (server.promoted()) {
      return grace;
    }
    long up = server.uptimeMillis() + TimeUnit.NANOSECONDS.toMillis(now - connectedAt);
    return Math.max(0, grace - up);
  }

  void dispatch(Message message) {
    message
        .link()
        .run(options.keys(), message.arguments())
        .whenComplete((reply, failure) -> answered(message, reply, failure));
  }

  private void answered(
      Message message, @Nullable List<Object> reply, @Nullable Throwable failure) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (travelling != message) {
        return; // of a link or a session that is gone
      }
      travelling = null;
      Answer answer = null;
      try {
        answer = reply == null ? null : Answer.parse(reply);
      } catch (IllegalArgumentException unreadable) {
        failure = unreadable;
      }
      if (answer == null) {
        failed(message, failure, outbox);
      } else {
        apply(message, answer, outbox);
        outbox.message(nextMessage());
      }
    }
    outbox.send(this);
  }

  /** The command failed although the link did not, perhaps: the next upkeep tries again. */
  private void failed(Message message, @Nullable Throwable failure, Outbox outbox) {
    session.undelivered(message.runs());
    giveUpAttempts(message.runs(), outbox);
    mustSend = true;
    complain("Redis refused a message of semaphore " + name() + ", trying again: " + failure);
    loseIfCutOff(outbox); // a server that answers nothing but errors confirms nothing
    if (String.valueOf(failure).contains("READONLY")) {
      outbox.then(message.link()::close); // it is no primary any more
    }
  }

  private void complain(String what) {
    long now = timing.nanoTime();
    if (now - lastComplaint >= TimeUnit.SECONDS.toNanos(10)) {
      lastComplaint = now;
      LOGGER.log(Level.WARNING, what);
    }
  }

  private void apply(Message message, Answer answer, Outbox outbox) {
    switch (answer.status()) {
      case LOST -> {
        returnAttempts(message.runs());
        lose("Redis gave the permits of this JVM to others: it was not heard of in time", outbox);
        return;
      }
      case RESYNC -> {
        answer.grants().forEach(grant -> accept(grant, outbox));
        returnAttempts(message.runs());
        line.unsendAll();
        session.startOver(answer.granted(), answer.epoch());
        mustSend = true;
      }
      case OK -> {
        session.confirmed(message.sentAt());
        learn(answer, message);
        answer.grants().forEach(grant -> accept(grant, outbox));
        giveUpAttempts(message.runs(), outbox);
        session.delivered(message.runs());
        settleIdle(outbox);
      }
    }
    if (message.ending() && answer.status() == Answer.Status.OK) {
      end(outbox);
    }
    scheduleBeat(answer);
  }

  private boolean overLimit() {
    return session.held() > (long) limit - othersInUse;
  }

  private void learn(Answer answer, Message message) {
    if (message.limit() >= 0 && message.limit() == limitToSet) {
      limitToSet = -1;
    }
    if (limitToSet < 0) {
      limit = answer.limit();
    }
    othersInUse = answer.othersInUse();
    fence = Math.max(fence, answer.fence());
    if (othersWaiting == 0 && answer.othersWaiting() > 0) {
      startQuantum();
    }
    othersWaiting = answer.othersWaiting();
  }

  private void startQuantum() {
    quantum = QUANTUM_PERMITS;
    quantumStart = timing.nanoTime();
  }

  private void scheduleBeat(Answer answer) {
    long millis = answer.windowMillis() > 0 ? answer.windowMillis() : answer.nextCheckMillis();
    long nanos = TimeUnit.MILLISECONDS.toNanos(millis) + 1_000_000;
    if (millis > 0 && line.first() != null && nanos < options.graceNanos() * 2) {
      var _ = timing.after(nanos, this::beat);
    }
  }

  /** Grants that come in order are accepted; others come again with the next answer. */
  private void accept(Grant grant, Outbox outbox) {
    if (!session.expects(grant)) {
      return;
    }
    Run run = session.accept(grant);
    fence = Math.max(fence, grant.fence());
    Waiter waiter = run == null ? null : run.first();
    startQuantum();
    othersInUse = Math.min(othersInUse, Math.max(0, limit - session.held()));
    if (run == null || waiter == null) {
      idle += grant.weight(); // whoever asked has gone
      return;
    }
    if (run.attempt) {
      run.removed(waiter, null);
      session.forget(run);
    } else {
      line.remove(waiter);
      if (run.isEmpty()) {
        session.forgetIfUnchanged(run);
      }
    }
    grant(waiter, outbox);
  }

  /** Attempts that Redis did not answer with a grant are over. */
  private void giveUpAttempts(List<Run> runs, Outbox outbox) {
    for (Run run : runs) {
      Waiter waiter = run.first();
      if (run.attempt) {
        session.forget(run);
        if (waiter != null) {
          run.removed(waiter, null);
          notNow(waiter, outbox);
        }
      }
    }
  }

  /** Without a link, attempts that were not sent are over, too. */
  private void giveUpAttempts(Outbox outbox) {
    attempts.forEach(waiter -> notNow(waiter, outbox));
    attempts = new ArrayList<>();
  }

  private void returnAttempts(List<Run> runs) {
    for (Run run : runs) {
      Waiter waiter = run.first();
      if (run.attempt && waiter != null) {
        waiter.run = null;
        attempts.add(waiter);
      }
    }
  }

  private void notNow(Waiter waiter, Outbox outbox) {
    waiter.leave(waiter instanceof FutureWaiter ? timeout(waiter.weight, Duration.ZERO) : null);
    outbox.decided(waiter);
  }

  /** A message that Redis pushed to the session, or to everybody. */
  void pushed(String channel, String text) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (channel.equals(options.everybody())) {
        if (othersWaiting == 0 && line.sent() == 0) {
          othersWaiting = 1; // the next answer says how many
          startQuantum();
          giveBackIdle();
        }
      } else if (channel.equals(options.channel(session))) {
        try {
          List<Grant> grants = Grant.parse(text);
          // A grant to a session that was not heard of for a grace may have been taken back.
          if (session.isConfirmed(timing.nanoTime())) {
            grants.forEach(grant -> accept(grant, outbox));
            settleIdle(outbox);
          }
          if (session.granted() < grants.getLast().number()) {
            mustSend = true;
          }
        } catch (IllegalArgumentException unreadable) {
          complain("ignored a message of semaphore " + name() + ": " + unreadable.getMessage());
        }
      }
      outbox.message(nextMessage());
    }
    outbox.send(this);
  }

  // Coming and going of the link.

  /**
   * Several threads tell of links, and one may be late: what it tells is not true any more.
   *
   * @param number grows with each link of the connection
   */
  void connected(Transport.Link fresh, long number) {
    synchronized (lock) {
      if (number <= linkNumber) {
        return;
      }
      linkNumber = number;
      link = fresh;
      connectedAt = timing.nanoTime();
    }
    listen(fresh);
  }

  private void listen(Transport.Link fresh) {
    Session listener;
    synchronized (lock) {
      if (link != fresh) {
        return;
      }
      listener = session;
      listening = false;
      listeningSince = timing.nanoTime();
    }
    fresh
        .subscribe(List.of(options.channel(listener), options.everybody()))
        .whenComplete((_, failure) -> {
          if (failure != null) {
            notListening(fresh, failure);
          } else {
            listening(fresh, listener);
          }
        });
  }

  private void notListening(Transport.Link fresh, Throwable failure) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (link != fresh) {
        return;
      }
      giveUpAttempts(outbox);
      complain("Redis does not let semaphore " + name() + " listen, trying again: " + failure);
      outbox.then(fresh::close);
    }
    outbox.send(this);
  }

  private void listening(Transport.Link fresh, Session listener) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (link != fresh) {
        return;
      }
      if (session != listener) {
        outbox.then(() -> listen(fresh));
      } else {
        listening = true;
        mustSend = true;
        lastBeat = timing.nanoTime() - options.leaseNanos();
        outbox.message(nextMessage());
      }
    }
    outbox.send(this);
  }

  void disconnected(long number) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (number < linkNumber) {
        return;
      }
      linkNumber = number;
      link = null;
      listening = false;
      Message lost = travelling;
      travelling = null;
      if (lost != null && lost.session() == session) {
        session.undelivered(lost.runs());
        giveUpAttempts(lost.runs(), outbox);
      }
      giveUpAttempts(outbox);
      mustSend = true;
      loseIfCutOff(outbox);
      endIfDone(outbox);
    }
    outbox.send(this);
  }

  /** Nobody can tell any more whether Redis still counts this session's permits. */
  private void loseIfCutOff(Outbox outbox) {
    long now = timing.nanoTime();
    if (!session.isConfirmed(now) && session.isRegistered()) {
      lose(
          "Redis could not be reached for %d ms"
              .formatted(TimeUnit.NANOSECONDS.toMillis(session.sinceConfirmed(now))),
          outbox);
    }
  }

  private void lose(String reason, Outbox outbox) {
    Session old = session;
    String sentence = "permit lost: limiter=%s reason=%s".formatted(name(), reason);
    if (old.held() > idle) {
      complain("semaphore %s lost its permits: %s".formatted(name(), reason));
    }
    old.lose(sentence);
    session = new Session(options.graceNanos(), timing);
    travelling = null;
    idle = 0;
    fewestIdle = 0;
    line.unsendAll();
    mustSend = true;
    for (RedisPermit permit : old.watched) {
      CompletableFuture<String> future = permit.lost;
      if (future != null) {
        outbox.then(() -> deliver(() -> future.complete(sentence)));
      }
    }
    old.watched.clear();
    Transport.Link current = link;
    listening = false; // until it does so for the new session
    if (current != null) {
      outbox.then(() -> {
        current.unsubscribe(List.of(options.channel(old)));
        listen(current);
      });
    }
  }

  /** Beats, and notices that Redis is silent. */
  private void upkeep() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (ended) {
        return;
      }
      long now = timing.nanoTime();
      boolean wasPaused = now - lastUpkeep > 3 * beatNanos;
      lastUpkeep = now;
      Message waitsForAnswer = travelling;
      Transport.Link current = link;
      if (current == null || !listening) {
        loseIfCutOff(outbox);
        endIfDone(outbox);
        if (current != null && now - listeningSince > options.graceNanos()) {
          outbox.then(current::close);
        }
      } else if (waitsForAnswer != null) {
        // After a pause of this process the answer may lie unread: judge at the next upkeep.
        if (!wasPaused && now - waitsForAnswer.sentAt() > options.graceNanos() / 2) {
          outbox.then(waitsForAnswer.link()::close);
        }
      } else if (isBusy() || now - lastBeat >= options.leaseNanos() / 3) {
        mustSend = true;
      }
      outbox.message(nextMessage());
      var _ = timing.after(beatNanos, this::upkeep);
    }
    outbox.send(this);
  }

  private boolean isBusy() {
    return session.held() > 0 || line.first() != null;
  }

  private void beat() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (!ended) {
        lastBeat = timing.nanoTime() - beatNanos;
        mustSend = true;
        outbox.message(nextMessage());
      }
    }
    outbox.send(this);
  }

  // Changing the limit, closing.

  void setLimit(int newLimit) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      limitToSet = newLimit;
      limit = newLimit;
      mustSend = true;
      if (overLimit()) {
        giveBackIdle();
      }
      outbox.message(nextMessage());
    }
    outbox.send(this);
  }

  void close() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      for (Waiter waiter = line.first(); waiter != null; waiter = line.first()) {
        removeWithoutGrant(waiter);
        refuse(waiter, outbox);
      }
      for (Waiter waiter : attempts) {
        refuse(waiter, outbox);
      }
      attempts = new ArrayList<>();
      giveBackIdle();
      mustSend = true;
      outbox.message(nextMessage());
      endIfDone(outbox);
    }
    outbox.send(this);
  }

  private void refuse(Waiter waiter, Outbox outbox) {
    rejected++;
    waiter.leave(closedException());
    outbox.decided(waiter);
  }

  /** Without a link there is nobody to take leave of: Redis will notice. */
  private void endIfDone(Outbox outbox) {
    if (closed && link == null && session.held() == 0) {
      end(outbox);
    }
  }

  private void end(Outbox outbox) {
    if (!ended) {
      ended = true;
      Transport.Link current = link;
      String channel = options.channel(session);
      if (current != null) {
        outbox.then(() -> current.unsubscribe(List.of(channel)));
      }
      outbox.then(onEnded);
    }
  }

  // Losing, telling, looking.

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

  /** Runs users' code on a thread of its own. */
  void deliver(Runnable action) {
    deliveryBegins();
    timing.deliver(() -> {
      try {
        action.run();
      } finally {
        deliveryEnds();
      }
    });
  }

  void deliveryBegins() {
    deliveries.incrementAndGet();
  }

  void deliveryEnds() {
    deliveries.decrementAndGet();
  }

  /** Whether nothing is on its way: every grant that Redis has for this JVM has arrived. */
  boolean isQuiet() {
    synchronized (lock) {
      return travelling == null && !mustSend && !session.hasChanges() && deliveries.get() == 0;
    }
  }

  boolean isClosed() {
    synchronized (lock) {
      return closed;
    }
  }

  private void requireOpen() {
    if (closed) {
      rejected++;
      throw closedException();
    }
  }

  private LimiterClosedException closedException() {
    return new LimiterClosedException("the limiter is closed: limiter=" + name());
  }

  private void requirePossible(int weight) {
    if (weight > Math.max(limit, 1)) {
      throw new IllegalArgumentException(
          "weight must not be above the limit: limiter=%s weight=%d limit=%d"
              .formatted(name(), weight, limit));
    }
  }

  TimeoutException timeout(int weight, Duration timeout) {
    synchronized (lock) {
      return new TimeoutException(
          "no permit in time: limiter=%s timeout=%s weight=%d limit=%d inUse=%d available=%d waiting=%d%s"
              .formatted(
                  name(),
                  timeout,
                  weight,
                  limit,
                  inUse(),
                  limit - inUse(),
                  line.size(),
                  link == null ? " redis=unreachable" : ""));
    }
  }

  private int inUse() {
    return session.held() - idle + othersInUse;
  }

  int limit() {
    synchronized (lock) {
      return limit;
    }
  }

  LimiterStats stats() {
    synchronized (lock) {
      long longest =
          Optional.ofNullable(line.first()).map(head -> timing.nanoTime() - head.since).orElse(0L);
      return new LimiterStats(
          name(),
          limit,
          inUse(),
          limit - inUse(),
          line.size(),
          acquired,
          rejected,
          timedOut,
          cancelled,
          Duration.ofNanos(longest));
    }
  }
}
