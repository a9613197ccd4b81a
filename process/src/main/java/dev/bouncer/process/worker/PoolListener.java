package dev.bouncer.process.worker;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.Ledger;
import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.WireInput;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Reads what the pool sends, on a thread of its own, however busy the worker is. The end of the
 * stream means that the pool is gone, killed perhaps: then the worker ends at once.
 */
final class PoolListener implements Runnable {
  /** How long the shutdown hooks of tasks may take in a worker that was told to end. */
  private static final long LAST_GRACE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private static final Path SHELL = Path.of("/bin/sh");

  private final FrameReader frames;
  private final FunctionTable functions;
  private final TaskLoop loop;
  private final Answers answers;
  private final List<TaskLoop.Arrived> batch = new ArrayList<>();
  private boolean ending;

  PoolListener(FrameReader frames, FunctionTable functions, TaskLoop loop, Answers answers) {
    this.frames = frames;
    this.functions = functions;
    this.loop = loop;
    this.answers = answers;
  }

  @Override
  public void run() {
    int exitCode = WorkerMain.POOL_GONE;
    try {
      while (!ending && frames.next()) {
        handle(frames.kind(), frames.payload());
        if (!batch.isEmpty() && !frames.hasNext()) {
          loop.add(batch);
          batch.clear();
        }
      }
      if (ending) {
        // Not in read(): a JVM that exits waits a long while for threads that are in native code.
        long start = System.nanoTime();
        while (System.nanoTime() - start < LAST_GRACE_NANOS) {
          LockSupport.parkNanos(this, LAST_GRACE_NANOS);
        }
      }
    } catch (IOException | RuntimeException | Error broken) {
      exitCode = WorkerMain.BROKEN;
      System.err.println(
          "bouncer worker: ends because it cannot read what the pool sent: " + broken);
    } finally {
      endAtOnce(exitCode);
    }
  }

  /**
   * Ends this process and everything that its tasks started. A JVM that halts waits until all its
   * threads have come to a safe place; one of them may never do, so somebody outside is asked to
   * kill it.
   */
  private static void endAtOnce(int exitCode) {
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

  private void handle(byte kind, WireInput payload) throws IOException {
    if (kind == FrameKind.TASK) {
      batch.add(new TaskLoop.Arrived(payload.getLong(), payload.copyOfRest()));
      return;
    }
    if (!batch.isEmpty()) { // a cancel finds the tasks that came before it
      loop.add(batch);
      batch.clear();
    }
    switch (kind) {
      case FrameKind.DEFINE -> functions.define(payload.getInt(), FunctionShape.read(payload));
      case FrameKind.CANCEL -> loop.cancel(payload.getLong());
      case FrameKind.REVOKE -> loop.revoke();
      case FrameKind.KEEP_LEDGER -> keepLedger(Path.of(payload.getString()));
      case FrameKind.SHUTDOWN -> {
        ending = true;
        loop.end();
      }
      default -> throw new ProtocolException("kind of a frame must be known: kind=" + kind);
    }
  }

  /** Maps a ledger in the background: the first map of a JVM takes tens of milliseconds. */
  private void keepLedger(Path file) {
    Thread mapper =
        new Thread(
            () -> {
              try {
                answers.keep(Ledger.map(file));
              } catch (IOException | RuntimeException impossible) {
                // Then the worker goes on without one, slower and as safe.
              }
            },
            "bouncer-worker-ledger");
    mapper.setDaemon(true);
    mapper.start();
  }
}
