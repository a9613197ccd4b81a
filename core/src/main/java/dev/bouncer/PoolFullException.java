package dev.bouncer;

import java.io.Serial;
import java.util.concurrent.RejectedExecutionException;

/** Thrown when a pool's queue is full: to the submitter, or to the task that was dropped for it. */
public final class PoolFullException extends RejectedExecutionException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message which pool was full, with its numbers
   */
  public PoolFullException(String message) {
    super(message);
  }
}
