package dev.bouncer.process;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/** What the tests run in workers. Plain methods, so that test classes are not initialised there. */
final class Tasks {
  private Tasks() {}

  static long pid() {
    return ProcessHandle.current().pid();
  }

  static long square(long n) {
    return n * n;
  }

  /** Says that it runs by making a file with its pid in it, then sleeps for good. */
  static String hang(Path started) throws Exception {
    announce(started);
    Thread.sleep(Long.MAX_VALUE);
    return "never";
  }

  /** As {@link #hang}, but deaf to interrupts. */
  static String hangHard(Path started) throws IOException {
    announce(started);
    while (true) {
      LockSupport.parkNanos(1_000_000);
      Thread.interrupted();
    }
  }

  /** Runs until a file is there. */
  static long waitFor(Path started, Path go) throws IOException {
    announce(started);
    while (!Files.exists(go)) {
      LockSupport.parkNanos(1_000_000);
    }
    return pid();
  }

  static void announce(Path started) throws IOException {
    announce(started, pid());
  }

  static void announce(Path started, long pid) throws IOException {
    Path partial = Files.writeString(started.resolveSibling(started.getFileName() + "~"), "" + pid);
    Files.move(partial, started);
  }

  static long announcedPid(Path started) throws Exception {
    Await.until(started + " is there", () -> Files.exists(started));
    return Long.parseLong(Files.readString(started));
  }

  static final class NotSerializable {}

  static final class UnsendableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("serial")
    final NotSerializable culprit = new NotSerializable();

    UnsendableException(String message) {
      super(message);
    }
  }

  record Point(int x, int y) implements Serializable {}
}
