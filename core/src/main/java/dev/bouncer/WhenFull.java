package dev.bouncer;

/** What happens to a newcomer when a line of bounded length is full. */
public enum WhenFull {
  /** The newcomer is refused with a {@link LimiterFullException} or {@link PoolFullException}. */
  REJECT,
  /**
   * Whoever has waited longest is refused with a {@link LimiterFullException} or {@link
   * PoolFullException}, the newcomer waits.
   */
  DROP_OLDEST,
  /**
   * The thread that submits waits until there is room. For pools only: a limiter's callers wait in
   * the line itself.
   */
  BLOCK
}
