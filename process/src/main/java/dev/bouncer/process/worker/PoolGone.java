package dev.bouncer.process.worker;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** How a worker ends when its pool is gone, or when it was told to end and does not. */
final class PoolGone {
  /** How long the shutdown hooks of tasks may take in a worker that was told to end. */
  private static final long LAST_GRACE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final Path SHELL = Path.of("/bin/sh");

  private PoolGone() {}

  /** Gives a worker that was told to end its time, then ends it; never returns. */
  static void awaitEnd() {
    // Not in read(): a JVM that exits waits a long while for threads that are in native code.
    long start = System.nanoTime();
    while (System.nanoTime() - start < LAST_GRACE_NANOS) {
      LockSupport.parkNanos(LAST_GRACE_NANOS);
    }
    endAtOnce(WorkerMain.POOL_GONE);
  }

  /**
   * Ends this process and everything that its tasks started. A JVM that halts waits until all its
   * threads have come to a safe place; one of them may never do, so somebody outside is asked to
   * kill it.
   */
  static void endAtOnce(int exitCode) {
    try {
      ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
      if (Files.isExecutable(SHELL)) {
        var _ =
            new ProcessBuilder(
                    SHELL.toString(), "-c", "kill -KILL " + ProcessHandle.current().pid())
                .start();
      }
    } catch (IOException | RuntimeException | Error impossible) {
      // Then halting has to do.
    } finally {
      Runtime.getRuntime().halt(exitCode);
    }
  }
}
