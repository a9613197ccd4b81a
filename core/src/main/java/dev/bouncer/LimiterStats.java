package dev.bouncer;

import java.time.Duration;

/**
 * What a limiter knew of itself at one moment. The numbers belong together: they were read while
 * nothing moved.
 *
 * @param name the limiter's name
 * @param limit how many units may be in use at once
 * @param inUse units in use; above {@code limit} only after the limit was lowered
 * @param available {@code limit - inUse}; below zero only after the limit was lowered
 * @param waiting acquires that stand in line
 * @param acquired permits handed out since the limiter was made
 * @param rejected acquires refused because the line was full or the limiter closed
 * @param timedOut acquires that waited and gave up at their timeout
 * @param cancelled acquires that waited and were interrupted or cancelled
 * @param longestWait how long the first in line has waited; zero when nobody waits
 */
public record LimiterStats(
    String name,
    int limit,
    int inUse,
    int available,
    int waiting,
    long acquired,
    long rejected,
    long timedOut,
    long cancelled,
    Duration longestWait) {}
