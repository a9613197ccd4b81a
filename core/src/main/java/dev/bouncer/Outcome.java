package dev.bouncer;

/** How the work under a {@link Permit} ended, as far as it says something about the limit. */
public enum Outcome {
  /** The work was done: its duration is a sample. */
  SUCCESS,
  /** The work says nothing about the limit, for instance because its input was invalid. */
  IGNORED,
  /** The work was refused or timed out for want of capacity: the limit may be too high. */
  DROPPED,
  /**
   * The work never began: what a {@link RateLimiter} counts as spent is put back. For every other
   * limiter the same as {@link #IGNORED}.
   */
  UNUSED
}
