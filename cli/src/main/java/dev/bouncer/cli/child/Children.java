package dev.bouncer.cli.child;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs child processes to their end, and can end them all.
 *
 * <p>A child reads nothing (its standard input is the null device), inherits the environment and
 * the working directory, and has no terminal, so that a program that would ask for a password fails
 * at once instead of waiting for ever. All methods may be called from any thread.
 *
 * <p><b>When a child has ended.</b> When its process has exited and both its outputs are closed. A
 * process that a child leaves behind can hold the outputs open; it has {@link #LINGER} to close
 * them, after that nothing more is read, and it is left alone: it may be a daemon on purpose.
 */
public sealed interface Children permits NativeChildren, PortableChildren {

  /** How long after a TERM signal a process that was timed out gets its KILL signal. */
  Duration GRACE = Duration.ofSeconds(1);

  /** How long the outputs of a child may stay open after it has exited. */
  Duration LINGER = Duration.ofSeconds(1);

  /**
   * Returns the best way to run children on this machine: {@code posix_spawn} on Linux, where each
   * child gets a session of its own, else {@link ProcessBuilder}.
   *
   * @return a new owner of children
   */
  static Children open() {
    return NativeChildren.isSupported() ? new NativeChildren() : new PortableChildren();
  }

  /**
   * Runs a program and waits for its end on the calling thread.
   *
   * @param arguments the program, looked up in {@code PATH} when it has no slash, and its
   *     arguments; none holds a zero byte
   * @param output takes its standard output
   * @param errors takes its standard error
   * @param timeout after which it and everything it started are killed, or null for none
   * @return how it ended
   * @throws ChildrenClosedException if {@link #close} was called; the child may have been killed
   */
  Ending run(List<byte[]> arguments, ByteSink output, ByteSink errors, @Nullable Duration timeout)
      throws ChildrenClosedException;

  /**
   * Returns how many children are running.
   *
   * @return their number
   */
  int running();

  /**
   * Kills every child with everything it started and starts no other one: a TERM signal, a KILL
   * signal to whatever is alive after the grace. Returns when nothing is left, or after about a
   * fifth of a second more if something cannot be killed. Closing again does nothing.
   *
   * @param grace the time between the two signals
   * @return how many children were running
   */
  int close(Duration grace);
}
