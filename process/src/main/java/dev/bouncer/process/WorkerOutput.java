package dev.bouncer.process;

/**
 * What happens to the lines that workers print, from Java, from native code and from the JVM
 * itself. A worker's standard output and standard error are one stream here. It is always read, so
 * that a worker never blocks on a full pipe for longer than this method takes.
 */
@FunctionalInterface
public interface WorkerOutput {

  /**
   * Prints the lines to {@code System.err}, each with the worker's number in front. The default.
   */
  WorkerOutput INHERIT = KnownOutput.INHERIT;

  /** Throws the lines away. The last 8 KiB are still kept, for the message of a crash. */
  WorkerOutput DISCARD = KnownOutput.DISCARD;

  /**
   * Takes one line. Called by one thread for each worker, so several at once for several workers.
   * What it throws is ignored.
   *
   * @param pool the name of the pool
   * @param workerId the number of the worker in its pool
   * @param line the line without its end; a line longer than 8 KiB comes in pieces
   */
  void line(String pool, int workerId, String line);
}
