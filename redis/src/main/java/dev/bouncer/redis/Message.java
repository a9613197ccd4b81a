package dev.bouncer.redis;

import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One message on its way to Redis.
 *
 * @param link on which it travels
 * @param session that sent it
 * @param arguments of the script
 * @param runs whose wishes it carries
 * @param sentAt when it was made, by the monotonic clock
 * @param limit that it sets, zero or more; below zero for none
 * @param ending whether it takes leave of Redis
 */
record Message(
    Transport.Link link,
    Session session,
    List<String> arguments,
    List<Run> runs,
    long sentAt,
    int limit,
    boolean ending) {

  /** Puts what a session has to say into the words of the script, as semaphore.lua tells them. */
  static Message of(
      Transport.Link link,
      Session session,
      ClusterView cluster,
      Options options,
      String flags,
      long windowMillis,
      List<Run> runs,
      long now,
      boolean ending) {
    StringBuilder wishes = new StringBuilder();
    runs.forEach(run -> wishes.append(run.wish()));
    int limitToSet = cluster.limitToSet();
    List<String> arguments =
        List.of(
            session.id,
            flags,
            Long.toString(session.nextMessage()),
            Long.toString(session.granted()),
            Long.toString(session.released()),
            Integer.toString(session.held()),
            link.server().run(),
            Long.toString(windowMillis),
            Long.toString(TimeUnit.NANOSECONDS.toMillis(options.graceNanos())),
            Long.toString(TimeUnit.NANOSECONDS.toMillis(options.leaseNanos())),
            Integer.toString(cluster.limit()),
            limitToSet < 0 ? "" : Integer.toString(limitToSet),
            Long.toString(cluster.fence()),
            options.channels(),
            Long.toString(session.epoch()),
            Long.toString(session.answered()),
            wishes.toString());
    return new Message(link, session, arguments, runs, now, limitToSet, ending);
  }
}
