package dev.bouncer.process.worker;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.WireInput;
import java.io.IOException;

/**
 * Reads what the pool sends, on a thread of its own, however busy the worker is. The end of the
 * stream means that the pool is gone, killed perhaps: then the worker ends at once.
 */
final class PoolListener implements Runnable {
  private final FrameReader frames;
  private final FunctionTable functions;
  private final TaskLoop loop;

  PoolListener(FrameReader frames, FunctionTable functions, TaskLoop loop) {
    this.frames = frames;
    this.functions = functions;
    this.loop = loop;
  }

  @Override
  public void run() {
    int exitCode = WorkerMain.POOL_GONE;
    try {
      while (frames.next()) {
        handle(frames.kind(), frames.payload());
      }
    } catch (IOException | RuntimeException | Error broken) {
      exitCode = WorkerMain.BROKEN;
      System.err.println(
          "bouncer worker: ends because it cannot read what the pool sent: " + broken);
    } finally {
      Runtime.getRuntime().halt(exitCode);
    }
  }

  private void handle(byte kind, WireInput payload) throws IOException {
    switch (kind) {
      case FrameKind.DEFINE -> functions.define(payload.getInt(), FunctionShape.read(payload));
      case FrameKind.TASK ->
          loop.add(new TaskLoop.Arrived(payload.getLong(), payload.copyOfRest()));
      case FrameKind.CANCEL -> loop.cancel(payload.getLong());
      case FrameKind.SHUTDOWN -> loop.end();
      default -> throw new ProtocolException("kind of a frame must be known: kind=" + kind);
    }
  }
}
