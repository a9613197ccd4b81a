package dev.bouncer.process;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Writes messages to one worker; knows which functions the worker knows. Used by one thread. */
final class WorkerChannel {
  private static final int ENOUGH_BYTES = 32 << 10;

  private final OutputStream stream;
  private final @Nullable EncodedFunction initializer;
  private final WireOutput output = new WireOutput(1 << 13);
  private final BitSet defined = new BitSet();

  WorkerChannel(OutputStream stream, @Nullable EncodedFunction initializer) {
    this.stream = stream;
    this.initializer = initializer;
  }

  /** Adds a message to those that {@link #flush} writes; writes by itself when they are many. */
  void add(Worker.Message message) throws IOException {
    switch (message) {
      case Worker.Initialize _ -> {
        beginTask(FrameKind.INITIALIZER, Objects.requireNonNull(initializer));
        output.putByte(0);
        output.end();
      }
      case Worker.RunTask(PoolTask<?> task) -> encode(task);
      case Worker.CancelTask(long id) -> {
        output.begin(FrameKind.CANCEL);
        output.putLong(id);
        output.end();
      }
      case Worker.RevokeTasks _ -> {
        output.begin(FrameKind.REVOKE);
        output.end();
      }
      case Worker.KeepLedger(Path file) -> {
        output.begin(FrameKind.KEEP_LEDGER);
        output.putString(file.toString());
        output.end();
      }
      case Worker.NoLedgerYet _ -> throw new IllegalStateException("the ledger must be made first");
      case Worker.ShutDown _ -> {
        output.begin(FrameKind.SHUTDOWN);
        output.end();
      }
    }
    if (output.size() >= ENOUGH_BYTES) {
      flush();
    }
  }

  void flush() throws IOException {
    if (output.size() > 0) {
      output.drainTo(stream);
      stream.flush();
    }
  }

  private void beginTask(long id, EncodedFunction function) {
    FunctionShape shape = function.shape;
    if (shape != null && !defined.get(function.id)) {
      defined.set(function.id);
      output.begin(FrameKind.DEFINE);
      output.putInt(function.id);
      shape.write(output);
      output.end();
    }
    output.begin(FrameKind.TASK);
    output.putLong(id);
    output.putInt(function.id);
    output.write(function.captured, 0, function.captured.length);
  }

  private void encode(PoolTask<?> task) throws IOException {
    beginTask(task.id, task.function);
    output.putByte(task.hasInput ? 1 : 0);
    if (task.hasInput) {
      if (task.inputIsEncoded && task.input instanceof byte[] encoded) {
        output.write(encoded, 0, encoded.length);
      } else {
        ValueWriter.write(output, task.input);
      }
    }
    output.end();
  }
}
