package dev.bouncer.cli.child;

/** Error numbers of Linux and what they mean to the one who started a program. */
final class Errno {
  static final int ENOENT = 2;
  static final int EINTR = 4;
  static final int E2BIG = 7;
  static final int ENOEXEC = 8;
  static final int EAGAIN = 11;
  static final int ENOMEM = 12;
  static final int EACCES = 13;
  static final int ENOTDIR = 20;
  static final int EISDIR = 21;
  static final int ENFILE = 23;
  static final int EMFILE = 24;

  private Errno() {}

  /** Tells whether the error passes when another child ends. */
  static boolean isShortage(int errno) {
    return errno == EAGAIN || errno == ENOMEM || errno == EMFILE || errno == ENFILE;
  }

  /** Says why a program was not started. */
  static String describe(int errno) {
    return switch (errno) {
      case ENOENT -> "command not found";
      case E2BIG -> "its arguments and environment are too long for the operating system";
      case ENOEXEC -> "not a program that the operating system can run (a script needs a #! line)";
      case EAGAIN -> "too many processes (see ulimit -u)";
      case ENOMEM -> "out of memory";
      case EACCES, EISDIR -> "permission denied";
      case ENOTDIR -> "a part of its path is not a directory";
      case ENFILE, EMFILE -> "too many open files (see ulimit -n)";
      default -> "error " + errno + " of the operating system";
    };
  }
}
