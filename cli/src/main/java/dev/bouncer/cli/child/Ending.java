package dev.bouncer.cli.child;

import java.time.Duration;

/** How a child process ended. */
public sealed interface Ending {

  /**
   * Tells whether the process did what it was asked to do.
   *
   * @return true for exit code 0
   */
  default boolean isSuccess() {
    return false;
  }

  /**
   * Says how the process ended, as a part of a sentence.
   *
   * @return for example {@code exit 3}
   */
  String describe();

  /**
   * The process exited by itself.
   *
   * @param code its exit code, 0 to 255
   */
  record Exited(int code) implements Ending {
    @Override
    public boolean isSuccess() {
      return code == 0;
    }

    @Override
    public String describe() {
      return switch (code) {
        case 126 -> "exit 126 (not executable)";
        case 127 -> "exit 127 (command not found)";
        default -> "exit " + code;
      };
    }
  }

  /**
   * The process was killed by a signal that this tool did not send.
   *
   * @param signal the number of the signal
   */
  record Signalled(int signal) implements Ending {
    @Override
    public String describe() {
      return "killed by " + Signals.name(signal);
    }
  }

  /**
   * The process was killed because its time was up.
   *
   * @param timeout the time it had
   */
  record TimedOut(Duration timeout) implements Ending {
    @Override
    public String describe() {
      return "timed out after "
          + timeout.toString().substring(2).toLowerCase(java.util.Locale.ROOT);
    }
  }

  /**
   * The process was never started.
   *
   * @param reason what the operating system said
   * @param hopeless whether the program itself is at fault, so that no other argument would help
   */
  record NotStarted(String reason, boolean hopeless) implements Ending {
    @Override
    public String describe() {
      return "not started: " + reason;
    }
  }

  /**
   * The process was killed because its output could not be kept.
   *
   * @param reason what went wrong
   */
  record OutputLost(String reason) implements Ending {
    @Override
    public String describe() {
      return "killed because its output could not be kept: " + reason;
    }
  }
}
