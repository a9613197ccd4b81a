package dev.bouncer.process;

import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A worker died while it ran a task: {@code System.exit}, a signal, out of memory, a crash of
 * native code. The task may have done a part of its work, so the pool does not run it again; every
 * other task goes on, in other workers.
 */
public final class WorkerCrashedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Process exit codes above this one mean a signal: the code less this number. */
  private static final int SIGNAL_BASE = 128;

  /** Exit code of {@code -XX:+ExitOnOutOfMemoryError}. */
  private static final int OUT_OF_MEMORY_EXIT = 3;

  /** The number of the worker in its pool. */
  private final int workerId;

  /** The process id of the worker. */
  private final long pid;

  /** How it ended, or null if that could not be found out. */
  private final @Nullable Integer exitCode;

  /** The last lines that it printed. */
  private final String output;

  WorkerCrashedException(
      String task, int workerId, long pid, @Nullable Integer exitCode, String output) {
    super(message(task, workerId, pid, exitCode, output));
    this.workerId = workerId;
    this.pid = pid;
    this.exitCode = exitCode;
    this.output = output;
  }

  /**
   * Returns the number of the worker in its pool.
   *
   * @return the number, at least 1
   */
  public int workerId() {
    return workerId;
  }

  /**
   * Returns the process id that the worker had.
   *
   * @return the process id
   */
  public long pid() {
    return pid;
  }

  /**
   * Returns the exit code of the worker.
   *
   * @return the code; empty if a signal ended the worker, or nobody knows
   */
  public OptionalInt exitCode() {
    return exitCode == null || signal().isPresent()
        ? OptionalInt.empty()
        : OptionalInt.of(exitCode);
  }

  /**
   * Returns the signal that ended the worker. A worker that exits by itself with 128 plus the
   * number of a signal cannot be told from one.
   *
   * @return the number of the signal, 9 for SIGKILL; empty if it was none
   */
  public OptionalInt signal() {
    return exitCode != null && exitCode > SIGNAL_BASE && exitCode <= SIGNAL_BASE + 64
        ? OptionalInt.of(exitCode - SIGNAL_BASE)
        : OptionalInt.empty();
  }

  /**
   * Returns whether the worker ended because its heap was full.
   *
   * @return whether it ran out of memory
   */
  public boolean isOutOfMemory() {
    return isOutOfMemory(exitCode, output);
  }

  /**
   * Returns the last lines that the worker printed, from the JVM and native code too, at most 8
   * KiB.
   *
   * @return the end of its output, perhaps empty
   */
  public String output() {
    return output;
  }

  private static boolean isOutOfMemory(@Nullable Integer exitCode, String output) {
    return exitCode != null
        && exitCode == OUT_OF_MEMORY_EXIT
        && output.contains("OutOfMemoryError");
  }

  private static String message(
      String task, int workerId, long pid, @Nullable Integer exitCode, String output) {
    return "worker died while it ran a task: "
        + describe(exitCode, output)
        + " pid="
        + pid
        + " worker="
        + workerId
        + " task="
        + task
        + (output.isBlank() ? "" : "; the last it printed:\n" + output.stripTrailing());
  }

  static String describe(@Nullable Integer exitCode, String output) {
    if (exitCode == null) {
      return "exitCode=unknown";
    }
    if (isOutOfMemory(exitCode, output)) {
      return "exitCode=" + exitCode + " (out of memory)";
    }
    int signal = exitCode - SIGNAL_BASE;
    Optional<String> name =
        Optional.ofNullable(
            switch (signal) {
              case 2 -> "SIGINT";
              case 4 -> "SIGILL";
              case 6 -> "SIGABRT";
              case 7 -> "SIGBUS";
              case 8 -> "SIGFPE";
              case 9 -> "SIGKILL";
              case 11 -> "SIGSEGV";
              case 13 -> "SIGPIPE";
              case 15 -> "SIGTERM";
              default -> null;
            });
    return name.map(known -> "signal=" + signal + " (" + known + ")")
        .orElse("exitCode=" + exitCode);
  }
}
