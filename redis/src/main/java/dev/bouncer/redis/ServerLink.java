package dev.bouncer.redis;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Which link one semaphore has, and whether the server has confirmed that it listens to its
 * session's channel: messages may be sent only then, or grants could go unheard. Several threads
 * tell of links, and one may be late; what it tells is not true any more. Guarded by the lock of
 * the {@link LocalLine}.
 *
 * <pre>
 *           connected               listens to the session
 *   NONE  ────────────►  ARRIVED  ─────────────────────────►  LISTENING
 *           disconnected         ◄───────────────────────────
 *        ◄────────────              the session was lost
 * </pre>
 */
final class ServerLink {
  private Transport.@Nullable Link link;
  private long number; // of the newest link that came or went
  private boolean listening;
  private long arrivedAt;
  private long askedAt;

  /** Whether that is news. */
  boolean connected(Transport.Link fresh, long itsNumber, long now) {
    if (itsNumber <= number) {
      return false;
    }
    number = itsNumber;
    link = fresh;
    listening = false;
    arrivedAt = now;
    return true;
  }

  /** Whether that is news. */
  boolean disconnected(long itsNumber) {
    if (itsNumber < number) {
      return false;
    }
    number = itsNumber;
    link = null;
    listening = false;
    return true;
  }

  boolean is(Transport.Link other) {
    return link == other;
  }

  void listens(boolean whether) {
    listening = whether;
  }

  void asksToListen(long now) {
    listening = false;
    askedAt = now;
  }

  /** The link, null while there is none. */
  Transport.@Nullable Link link() {
    return link;
  }

  /** The link if messages may be sent, or null. */
  Transport.@Nullable Link listening() {
    return listening ? link : null;
  }

  /** For how long the server has not confirmed that it listens. */
  long askedFor(long now) {
    return now - askedAt;
  }

  /** How long a server without our state may have been up without anybody having come back. */
  long windowMillis(Transport.Server server, long graceNanos, long now) {
    long grace = TimeUnit.NANOSECONDS.toMillis(graceNanos);
    if (server.promoted()) {
      return grace;
    }
    long up = server.uptimeMillis() + TimeUnit.NANOSECONDS.toMillis(now - arrivedAt);
    return Math.max(0, grace - up);
  }
}
