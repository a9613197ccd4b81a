package dev.bouncer.process.worker;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.RemoteFailure;
import dev.bouncer.process.wire.ValueTooLargeException;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * What a worker sends to its pool. Thread-safe; a frame is written whole or not at all. When the
 * pool cannot be reached any more the worker ends.
 */
final class Answers {
  private final OutputStream stream;
  private final int maxFrame;
  private final WireOutput output = new WireOutput(1 << 13);

  Answers(OutputStream stream, int maxFrame) {
    this.stream = stream;
    this.maxFrame = maxFrame;
  }

  synchronized void hello() {
    output.begin(FrameKind.HELLO);
    output.putInt(FrameKind.PROTOCOL);
    output.putLong(ProcessHandle.current().pid());
    output.end();
    flush();
  }

  synchronized void started(long task) {
    output.begin(FrameKind.STARTED);
    output.putLong(task);
    output.end();
    flush();
  }

  synchronized void revoked(long task) {
    output.begin(FrameKind.REVOKED);
    output.putLong(task);
    output.end();
    flush();
  }

  /** Sends a result; when it cannot be sent, the failure to do so is sent instead. */
  synchronized void result(long task, @Nullable Object result) {
    int before = output.size();
    try {
      output.begin(FrameKind.RESULT);
      output.putLong(task);
      ValueWriter.write(output, result);
      if (output.size() - before > maxFrame) {
        throw new ValueTooLargeException(output.size() - before, maxFrame);
      }
      output.end();
    } catch (IOException | RuntimeException | StackOverflowError unsendable) {
      output.abort();
      failure(task, explain(result, unsendable));
      return;
    }
    flush();
  }

  synchronized void failure(long task, Throwable failure) {
    int before = output.size();
    output.begin(FrameKind.FAILURE);
    output.putLong(task);
    RemoteFailure.write(output, failure);
    if (output.size() - before > maxFrame) {
      output.abort();
      output.begin(FrameKind.FAILURE);
      output.putLong(task);
      RemoteFailure.write(
          output,
          new IllegalStateException(
              "the exception was too large to be sent: class=" + failure.getClass().getName()));
    }
    output.end();
    flush();
  }

  synchronized void progress(long task, double fraction, String message) {
    output.begin(FrameKind.PROGRESS);
    output.putLong(task);
    output.putLong(Double.doubleToRawLongBits(fraction));
    output.putString(message);
    output.end();
    flush();
  }

  private static Exception explain(@Nullable Object result, Throwable unsendable) {
    if (unsendable instanceof ValueTooLargeException tooLarge) {
      return tooLarge;
    }
    String type = result == null ? "null" : result.getClass().getName();
    String culprit =
        unsendable instanceof NotSerializableException
            ? ", " + unsendable.getMessage() + " is not Serializable"
            : ", " + unsendable;
    return new IllegalStateException("result must be serializable: class=" + type + culprit);
  }

  private void flush() {
    try {
      output.drainTo(stream);
    } catch (IOException poolIsGone) {
      Runtime.getRuntime().halt(WorkerMain.POOL_GONE);
    }
  }
}
