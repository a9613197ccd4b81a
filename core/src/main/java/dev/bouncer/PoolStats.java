package dev.bouncer;

/**
 * What a pool knew of itself at one moment.
 *
 * @param name the pool's name
 * @param maxWorkers how many tasks may run at once
 * @param running tasks that run
 * @param queued tasks that wait for a worker
 * @param submitted tasks accepted since the pool was made
 * @param completed tasks that returned a result
 * @param failed tasks that threw or were lost with their worker
 * @param cancelled tasks cancelled before they started or while they ran
 * @param rejected tasks refused because the queue was full or the pool shut down
 */
public record PoolStats(
    String name,
    int maxWorkers,
    int running,
    int queued,
    long submitted,
    long completed,
    long failed,
    long cancelled,
    long rejected) {}
