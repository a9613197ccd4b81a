package dev.bouncer.process;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What a pool knew of one of its workers at one moment.
 *
 * @param id the worker's number in its pool
 * @param pid its process id; empty until it has started
 * @param state {@code STARTING}, {@code IDLE}, {@code BUSY} or {@code ENDING}
 * @param age how long ago the pool decided to start it
 * @param tasks how many tasks it was given so far
 * @param task the task that it runs, as number and function
 * @param taskAge how long that task has been running; empty if it has only just begun
 * @param progress what that task said of itself last, from 0 to 1
 * @param progressMessage what it said that it does
 * @param heapUsedBytes how much of its heap was in use, garbage included, when it said so last: a
 *     few times a second while it works, and when it has come to rest; empty until it has started
 * @param heapMaxBytes how much its heap may hold at the most
 * @param rssBytes the memory that its process holds, where the system tells (Linux)
 */
public record WorkerInfo(
    int id,
    OptionalLong pid,
    String state,
    Duration age,
    long tasks,
    Optional<String> task,
    Optional<Duration> taskAge,
    OptionalDouble progress,
    Optional<String> progressMessage,
    OptionalLong heapUsedBytes,
    OptionalLong heapMaxBytes,
    OptionalLong rssBytes) {

  /** The same worker, with what its process holds. */
  WorkerInfo withMemory() {
    return new WorkerInfo(
        id,
        pid,
        state,
        age,
        tasks,
        task,
        taskAge,
        progress,
        progressMessage,
        heapUsedBytes,
        heapMaxBytes,
        pid.isPresent() ? ProcessMemory.resident(pid.getAsLong()) : OptionalLong.empty());
  }

  @Override
  public String toString() {
    StringBuilder line = new StringBuilder("worker ").append(id);
    pid.ifPresent(value -> line.append(" pid=").append(value));
    line.append(' ').append(state).append(" age=").append(age).append(" tasks=").append(tasks);
    task.ifPresent(value -> line.append(" task=").append(value));
    taskAge.ifPresent(value -> line.append(" running=").append(value));
    progress.ifPresent(value -> line.append(" progress=").append(value));
    progressMessage.ifPresent(value -> line.append(" \"").append(value).append('"'));
    if (heapUsedBytes.isPresent() && heapMaxBytes.isPresent()) {
      line.append(" heap=").append(heapUsedBytes.getAsLong() >> 20);
      line.append('/').append(heapMaxBytes.getAsLong() >> 20).append("MiB");
    }
    rssBytes.ifPresent(value -> line.append(" rss=").append(value >> 20).append("MiB"));
    return line.toString();
  }
}
