package dev.bouncer.process;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.RemoteFailure;
import dev.bouncer.process.wire.ResultFilter;
import dev.bouncer.process.wire.ValueReader;
import dev.bouncer.process.wire.WireInput;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Understands what one worker sends. Used by the thread that reads from it, which never writes to
 * the worker and never runs code of the user: a worker that answers is always listened to.
 */
final class AnswerReader {
  private final Worker worker;
  private final Dispatcher dispatcher;
  private final PoolOptions options;

  AnswerReader(Worker worker, Dispatcher dispatcher, PoolOptions options) {
    this.worker = worker;
    this.dispatcher = dispatcher;
    this.options = options;
  }

  void handle(byte kind, WireInput frame) throws IOException {
    switch (kind) {
      case FrameKind.HELLO -> hello(frame);
      case FrameKind.STARTED -> dispatcher.started(worker, frame.getLong());
      case FrameKind.RESULT -> result(dispatcher.answered(worker, frame.getLong()), frame);
      case FrameKind.FAILURE -> failure(dispatcher.answered(worker, frame.getLong()), frame);
      case FrameKind.REVOKED -> {
        var _ = dispatcher.answered(worker, frame.getLong());
      }
      case FrameKind.PROGRESS -> {
        long task = frame.getLong();
        double fraction = Double.longBitsToDouble(frame.getLong());
        dispatcher.progress(worker, task, fraction, frame.getString());
      }
      default -> throw new ProtocolException("kind of a frame must be known: kind=" + kind);
    }
  }

  private void hello(WireInput frame) throws ProtocolException {
    int protocol = frame.getInt();
    if (protocol != FrameKind.PROTOCOL) {
      throw new ProtocolException(
          "worker must be of the pool's own version: its protocol="
              + protocol
              + " the pool's protocol="
              + FrameKind.PROTOCOL
              + "; check the class path of the workers");
    }
    dispatcher.ready(worker, frame.getLong());
  }

  private void result(PoolTask<?> task, WireInput frame) throws ProtocolException {
    ResultFilter filter = filter(task);
    try {
      Object result = values(task, filter).read(frame);
      dispatcher.complete(task, result, null);
    } catch (ProtocolException broken) {
      dispatcher.complete(task, null, broken);
      throw broken;
    } catch (IOException
        | ClassNotFoundException
        | RuntimeException
        | StackOverflowError
        | LinkageError unreadable) {
      dispatcher.complete(task, null, explain(filter, unreadable));
    }
  }

  private void failure(PoolTask<?> task, WireInput frame) throws ProtocolException {
    RemoteFailure failure;
    try {
      failure = RemoteFailure.read(frame);
    } catch (ProtocolException broken) {
      dispatcher.complete(task, null, broken);
      throw broken;
    }
    dispatcher.complete(task, null, rebuild(task, failure));
  }

  /** The exception itself if it can be had, else one that says all about it. */
  private Throwable rebuild(PoolTask<?> task, RemoteFailure failure) {
    String reason = failure.unsendable();
    if (failure.value() != null) {
      ResultFilter filter = filter(task);
      try {
        if (values(task, filter).read(failure.value()) instanceof Throwable thrown) {
          return thrown;
        }
        reason = "it is no exception";
      } catch (IOException
          | ClassNotFoundException
          | RuntimeException
          | StackOverflowError
          | LinkageError unreadable) {
        reason = explain(filter, unreadable).getMessage();
      }
    }
    return new TaskFailedException(
        "task threw "
            + failure.type()
            + (failure.message() == null ? "" : ": " + failure.message())
            + "; the exception itself could not be brought back: "
            + reason,
        failure.type(),
        failure.trace());
  }

  private ResultFilter filter(PoolTask<?> task) {
    return new ResultFilter(task.function.origin.getPackageName(), options.resultTypes());
  }

  private static ValueReader values(PoolTask<?> task, ResultFilter filter) {
    return new ValueReader(task.function.origin.getClassLoader(), filter);
  }

  private static Exception explain(ResultFilter filter, Throwable unreadable) {
    @Nullable String refused = filter.refused();
    return new IllegalStateException(
        refused == null
            ? "result must be readable here: " + unreadable
            : "result must be of types that the pool accepts from a worker: it has "
                + refused
                + "; allow a class or package of your own with resultTypes(\"...\") of the builder",
        unreadable);
  }
}
