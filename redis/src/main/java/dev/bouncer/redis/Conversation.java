package dev.bouncer.redis;

import dev.bouncer.redis.Answer.Grant;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What one semaphore of this JVM and Redis say to each other, and when.
 *
 * <p>At most one {@link Message} travels at a time; it carries the newest state of the {@link
 * LocalBooks}, so whatever changes meanwhile goes together with the next one: thousands of callers
 * share one round trip. A message that got no answer is never sent again as it was; the next one
 * says all that it said. Redis answers, or pushes a grant to the session's channel.
 *
 * <p>Everything happens under the lock of the {@link LocalLine}; what calls the driver or users'
 * code is put into an {@link Outbox} and done after it.
 */
final class Conversation {
  private static final System.Logger LOGGER = System.getLogger("dev.bouncer.redis");
  private static final long LONGEST_BEAT = TimeUnit.MILLISECONDS.toNanos(250);

  private final Object lock;
  private final LocalBooks books;
  private final Options options;
  private final Timing timing;
  private final Deliveries deliveries;
  private final Runnable onEnded;
  private final long beatNanos;

  // All below is guarded by the lock.
  private final ServerLink link = new ServerLink();
  private @Nullable Message travelling;
  private long lastBeat;
  private long lastUpkeep;
  private long lastComplaint;
  private boolean tickArmed;
  private boolean ended;

  Conversation(
      Object lock,
      LocalBooks books,
      Options options,
      Timing timing,
      Deliveries deliveries,
      Runnable onEnded) {
    this.lock = lock;
    this.books = books;
    this.options = options;
    this.timing = timing;
    this.deliveries = deliveries;
    this.onEnded = onEnded;
    this.beatNanos = Math.min(options.graceNanos() / 4, LONGEST_BEAT);
    long now = timing.nanoTime();
    this.lastBeat = now - options.leaseNanos();
    this.lastUpkeep = now;
    this.lastComplaint = now - TimeUnit.HOURS.toNanos(1);
    var _ = timing.after(beatNanos, this::upkeep);
  }

  boolean isReachable() {
    return link.link() != null;
  }

  /** Whether all was said and answered. */
  boolean isQuiet() {
    return travelling == null && !books.hasNews();
  }

  // Saying.

  /** After the books were changed: says what must be said, now or with the next tick. */
  void goOn(Outbox outbox) {
    armTick();
    Transport.Link to = link.listening();
    if (to != null && travelling == null && books.mustSend() && !ended) {
      Message message = newMessage(to);
      travelling = message;
      outbox.then(() -> dispatch(message));
    }
  }

  void armTick() {
    if (books.maySendLater() && !tickArmed) {
      tickArmed = true;
      books.startsTick();
      var _ = timing.after(options.reuseNanos(), this::tick);
    }
  }

  private void tick() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      tickArmed = false;
      books.tick();
      goOn(outbox);
    }
    outbox.send();
  }

  private Message newMessage(Transport.Link to) {
    long now = timing.nanoTime();
    Session session = books.session();
    boolean ending = books.isDone();
    boolean beat = !session.isRegistered() || now - lastBeat >= beatNanos * 3 / 4;
    if (beat) {
      lastBeat = now;
    }
    List<Run> runs = books.takeWishes();
    String flags =
        (session.isRegistered() ? "" : "f")
            + (beat ? "b" : "")
            + (ending ? "e" : "")
            + (options.strictFifo() ? "" : "r");
    long window = link.windowMillis(to.server(), options.graceNanos(), now);
    return Message.of(to, session, books.cluster(), options, flags, window, runs, now, ending);
  }

  private void dispatch(Message message) {
    message
        .link()
        .run(options.keys(), message.arguments())
        .whenComplete((reply, failure) -> answered(message, reply, failure));
  }

  // Hearing.

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
        goOn(outbox);
      }
    }
    outbox.send();
  }

  /** The command failed although the link did not, perhaps: the next upkeep tries again. */
  private void failed(Message message, @Nullable Throwable failure, Outbox outbox) {
    books.undelivered(message.runs(), outbox);
    books.setMustSend();
    complain(
        "Redis refused a message of semaphore " + options.name() + ", trying again: " + failure);
    loseIfCutOff(outbox); // a server that answers nothing but errors confirms nothing
    if (String.valueOf(failure).contains("READONLY")) {
      outbox.then(message.link()::close); // it is no primary any more
    }
  }

  private void apply(Message message, Answer answer, Outbox outbox) {
    switch (answer.status()) {
      case LOST -> {
        books.sendAttemptsAgain(message.runs());
        lose("Redis gave the permits of this JVM to others: it was not heard of in time", outbox);
        return;
      }
      case RESYNC -> books.startOver(message, answer, outbox);
      case OK -> {
        books.confirmed(message, answer, outbox);
        if (message.ending()) {
          end(outbox);
        }
      }
    }
    scheduleBeat(answer);
  }

  /** When the window ends, or somebody may be gone, it is worth asking. */
  private void scheduleBeat(Answer answer) {
    long millis = answer.windowMillis() > 0 ? answer.windowMillis() : answer.nextCheckMillis();
    long nanos = TimeUnit.MILLISECONDS.toNanos(millis) + 1_000_000;
    if (millis > 0 && books.isAnybodyWaiting() && nanos < options.graceNanos() * 2) {
      var _ = timing.after(nanos, this::beat);
    }
  }

  private void beat() {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (!ended) {
        lastBeat = timing.nanoTime() - beatNanos;
        books.setMustSend();
        goOn(outbox);
      }
    }
    outbox.send();
  }

  /** A message that Redis pushed to the session, or to everybody. */
  void pushed(String channel, String text) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (channel.equals(options.everybody())) {
        books.othersBeginToWait();
      } else if (channel.equals(options.channel(books.session()))) {
        try {
          List<Grant> grants = Grant.parse(text);
          if (!books.pushed(grants, outbox)) {
            books.setMustSend();
          }
        } catch (IllegalArgumentException unreadable) {
          complain(
              "ignored a message of semaphore " + options.name() + ": " + unreadable.getMessage());
        }
      }
      goOn(outbox);
    }
    outbox.send();
  }

  // Coming and going of the link.

  /**
   * There is a new link.
   *
   * @param number grows with each link of the connection
   */
  void connected(Transport.Link fresh, long number) {
    synchronized (lock) {
      if (!link.connected(fresh, number, timing.nanoTime())) {
        return;
      }
    }
    listen(fresh);
  }

  private void listen(Transport.Link fresh) {
    Session listener;
    synchronized (lock) {
      if (!link.is(fresh)) {
        return;
      }
      listener = books.session();
      link.asksToListen(timing.nanoTime());
    }
    fresh
        .subscribe(List.of(options.channel(listener), options.everybody()))
        .whenComplete((_, failure) -> listens(fresh, listener, failure));
  }

  private void listens(Transport.Link fresh, Session listener, @Nullable Throwable failure) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (!link.is(fresh)) {
        return;
      }
      if (failure != null) {
        books.giveUpAttempts(outbox);
        complain(
            "Redis does not let semaphore " + options.name() + " listen, trying again: " + failure);
        outbox.then(fresh::close);
      } else if (books.session() != listener) {
        outbox.then(() -> listen(fresh));
      } else {
        link.listens(true);
        books.setMustSend();
        lastBeat = timing.nanoTime() - options.leaseNanos();
        goOn(outbox);
      }
    }
    outbox.send();
  }

  void disconnected(long number) {
    Outbox outbox = new Outbox();
    synchronized (lock) {
      if (!link.disconnected(number)) {
        return;
      }
      Message lost = travelling;
      travelling = null;
      if (lost != null && lost.session() == books.session()) {
        books.undelivered(lost.runs(), outbox);
      }
      books.giveUpAttempts(outbox);
      books.setMustSend();
      loseIfCutOff(outbox);
      endIfDone(outbox);
    }
    outbox.send();
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
      Transport.Link current = link.link();
      if (link.listening() == null) {
        loseIfCutOff(outbox);
        endIfDone(outbox);
        if (current != null && link.askedFor(now) > options.graceNanos()) {
          outbox.then(current::close);
        }
      } else if (waitsForAnswer != null) {
        // After a pause of this process the answer may lie unread: judge at the next upkeep.
        if (!wasPaused && now - waitsForAnswer.sentAt() > options.graceNanos() / 2) {
          outbox.then(waitsForAnswer.link()::close);
        }
      } else if (books.isBusy() || now - lastBeat >= options.leaseNanos() / 3) {
        books.setMustSend();
      }
      goOn(outbox);
      var _ = timing.after(beatNanos, this::upkeep);
    }
    outbox.send();
  }

  // Losing the session, and the end.

  /** Nobody can tell any more whether Redis still counts this session's permits. */
  private void loseIfCutOff(Outbox outbox) {
    long now = timing.nanoTime();
    Session session = books.session();
    if (!session.isConfirmed(now) && session.isRegistered()) {
      lose(
          "Redis could not be reached for %d ms"
              .formatted(TimeUnit.NANOSECONDS.toMillis(session.sinceConfirmed(now))),
          outbox);
    }
  }

  private void lose(String reason, Outbox outbox) {
    Session old = books.session();
    String sentence = "permit lost: limiter=%s reason=%s".formatted(options.name(), reason);
    if (books.isAnybodyHolding()) {
      complain("semaphore %s lost its permits: %s".formatted(options.name(), reason));
    }
    old.lose(sentence);
    books.startSession();
    travelling = null;
    for (RedisPermit permit : old.watched) {
      CompletableFuture<String> future = permit.lost;
      if (future != null) {
        outbox.then(() -> deliveries.deliver(() -> future.complete(sentence)));
      }
    }
    old.watched.clear();
    Transport.Link current = link.link();
    link.listens(false); // until it does so for the new session
    if (current != null) {
      outbox.then(() -> {
        current.unsubscribe(List.of(options.channel(old)));
        listen(current);
      });
    }
  }

  private void complain(String what) {
    long now = timing.nanoTime();
    if (now - lastComplaint >= TimeUnit.SECONDS.toNanos(10)) {
      lastComplaint = now;
      LOGGER.log(Level.WARNING, what);
    }
  }

  /** Without a link there is nobody to take leave of: Redis will notice. */
  void endIfDone(Outbox outbox) {
    if (books.isDone() && !isReachable()) {
      end(outbox);
    }
  }

  private void end(Outbox outbox) {
    if (!ended) {
      ended = true;
      Transport.Link current = link.link();
      String channel = options.channel(books.session());
      if (current != null) {
        outbox.then(() -> current.unsubscribe(List.of(channel)));
      }
      outbox.then(onEnded);
    }
  }
}
