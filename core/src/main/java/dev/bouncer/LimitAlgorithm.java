package dev.bouncer;

import java.time.Duration;

/**
 * Proposes how many units an {@link AdaptiveLimiter} should allow, from what it saw during a {@link
 * Window}. The limiter itself takes care of everything else: of refusals, of the bounds, and of
 * windows in which the limit was not what held the work back, which no algorithm gets to see.
 *
 * <p>An algorithm remembers things and so belongs to one limiter, which calls it from one thread at
 * a time. One of your own needs no more than {@link #propose}.
 */
@FunctionalInterface
public interface LimitAlgorithm {

  /**
   * What happened since the limit was last decided on. Only work counts that began after that.
   *
   * @param limit the limit that was in force, with its fraction
   * @param samples how many pieces of work ended well, at least 1
   * @param mean how long they held their permits, on average
   * @param standardError how far such a mean is usually from the true one, by chance alone: the
   *     standard deviation over the square root of {@code samples}
   * @param least how long the shortest of them did
   */
  record Window(double limit, int samples, Duration mean, Duration standardError, Duration least) {}

  /**
   * Proposes the next limit.
   *
   * @param window what happened under the present one
   * @return a limit; the limiter keeps it within its bounds, and its whole part counts
   */
  double propose(Window window);

  /**
   * Additive increase: one unit more each window, until the service refuses. It is blind to
   * latency, so use it where too much is answered by {@link Outcome#DROPPED}, not by slowness.
   *
   * <p>Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in
   * Computer Networks", 1989.
   *
   * @return a new algorithm
   */
  static LimitAlgorithm aimd() {
    return window -> window.limit() + 1;
  }

  /**
   * Keeps a small queue in the service: what is in flight beyond {@code limit × shortest / mean} is
   * waiting there, {@code shortest} being the shortest mean time of a window. Between 3 and 6 times
   * {@code log10(limit)}, at least 2 and 4, is right. The shortest is looked for anew now and then,
   * because services change.
   *
   * <p>Brakmo and Peterson, "TCP Vegas: End to End Congestion Avoidance on a Global Internet",
   * 1995; the thresholds that grow with the limit are those of Netflix's concurrency-limits.
   *
   * @return a new algorithm
   */
  static LimitAlgorithm vegas() {
    return new VegasAlgorithm();
  }

  /**
   * Follows the ratio of the usual mean time to that of the window: the limit shrinks with it once
   * the work takes half as long again as usual, and grows by a part of its square root otherwise.
   * What is usual follows faster work; slower work it only believes in one of a hundred windows,
   * for which the limit is halved.
   *
   * <p>After Gradient2 of Netflix's concurrency-limits (2018). That one takes a slow average for
   * usual and adds its queue allowance below a ratio of one too, both of which let its limit drift
   * up under steady overload.
   *
   * @return a new algorithm
   */
  static LimitAlgorithm gradient2() {
    return new Gradient2Algorithm();
  }
}
