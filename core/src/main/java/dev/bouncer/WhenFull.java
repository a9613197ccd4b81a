package dev.bouncer;

/** What happens to a newcomer when a line of bounded length is full. */
public enum WhenFull {
  /** The newcomer is refused with a {@link LimiterFullException}. */
  REJECT,
  /**
   * Whoever has waited longest is refused with a {@link LimiterFullException}, the newcomer waits.
   */
  DROP_OLDEST
}
