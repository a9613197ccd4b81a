package dev.bouncer;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How far a {@link Mapping} has come.
 *
 * @param done inputs whose task has ended, failed ones included
 * @param failed inputs whose task has failed
 * @param running tasks that run
 * @param total how many inputs there are, when that is known: for a {@link java.util.Collection}
 * @param elapsed the time since the first result was asked for
 */
public record Progress(long done, long failed, int running, OptionalLong total, Duration elapsed) {

  /**
   * Returns how many inputs were done a second, on average.
   *
   * @return the rate, 0 at the start
   */
  public double perSecond() {
    double seconds = elapsed.toNanos() / 1e9;
    return seconds > 0 ? done / seconds : 0;
  }

  /**
   * Estimates the time until all inputs are done, at the average rate.
   *
   * @return the time left; empty while nothing is done, or if the total is not known
   */
  public Optional<Duration> remaining() {
    if (total.isEmpty() || done == 0) {
      return Optional.empty();
    }
    double nanos = (double) elapsed.toNanos() / done * Math.max(0, total.getAsLong() - done);
    return Optional.of(Duration.ofNanos((long) nanos));
  }
}
