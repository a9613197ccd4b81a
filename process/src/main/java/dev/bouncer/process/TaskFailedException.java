package dev.bouncer.process;

/**
 * A task threw an exception that could not be brought back as it was: it is not serializable, its
 * class is unknown here, or the pool does not accept it from a worker. The message names the class
 * and the reason; {@link #remoteTrace()} is its stack trace with all causes.
 */
public final class TaskFailedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The name of the class of the exception that the task threw. */
  private final String remoteClass;

  /** Its stack trace, with all causes. */
  private final String remoteTrace;

  TaskFailedException(String message, String remoteClass, String remoteTrace) {
    super(message);
    this.remoteClass = remoteClass;
    this.remoteTrace = remoteTrace;
  }

  /**
   * Returns the class of the exception that the task threw.
   *
   * @return its name
   */
  public String remoteClass() {
    return remoteClass;
  }

  /**
   * Returns the stack trace of the exception that the task threw, with all causes.
   *
   * @return the text that {@code printStackTrace} printed in the worker
   */
  public String remoteTrace() {
    return remoteTrace;
  }
}
