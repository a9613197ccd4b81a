package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Polls a state until it is there, and gives up only after a time that no healthy machine needs.
 */
final class Await {
  private static final long GIVE_UP_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private Await() {}

  static void until(String what, Callable<Boolean> state) throws Exception {
    long start = System.nanoTime();
    while (!state.call()) {
      if (System.nanoTime() - start > GIVE_UP_NANOS) {
        fail("gave up waiting until " + what);
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  /** Waits until a process is gone; a zombie that nobody reaped counts as gone. */
  static void untilGone(long pid) throws Exception {
    until("process " + pid + " is gone", () -> !isAlive(pid));
  }

  private static boolean isAlive(long pid) throws IOException {
    if (!ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false)) {
      return false;
    }
    Path status = Path.of("/proc", "" + pid, "stat");
    try {
      return !Files.exists(status) || !Files.readString(status).contains(") Z ");
    } catch (NoSuchFileException goneMeanwhile) {
      return false;
    }
  }
}
