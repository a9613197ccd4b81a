package dev.bouncer.redis;

import java.util.List;

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
    boolean ending) {}
