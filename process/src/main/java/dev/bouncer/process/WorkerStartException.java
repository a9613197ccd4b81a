package dev.bouncer.process;

import org.jspecify.annotations.Nullable;

/**
 * Workers of a pool cannot be started: several in a row ended before they could run anything, and
 * none is left. The pool is broken: what was queued fails with this exception, and what is
 * submitted later is refused with it as the cause.
 */
public final class WorkerStartException extends RuntimeException {
  private static final long serialVersionUID = 1;

  WorkerStartException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
