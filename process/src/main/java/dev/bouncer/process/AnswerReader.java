package dev.bouncer.process;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.RemoteFailure;
import dev.bouncer.process.wire.ResultFilter;
import dev.bouncer.process.wire.SlabSlot;
import dev.bouncer.process.wire.ValueReader;
import dev.bouncer.process.wire.WireInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Understands what one worker sends. Used by the thread that reads from it, which never writes to
 * the worker and never runs code of the user: a worker that answers is always listened to.
 *
 * <p>Answers that arrive together are handled together: the lock of the books is taken twice for
 * all of them, once to learn which tasks are due and once to give their places back.
 */
final class AnswerReader {
  private static final int BATCH = 512;

  /** A task, and how it ended. */
  record Ended(PoolTask<?> task, @Nullable Object result, @Nullable Throwable failure) {}

  /** The initializer of a worker failed: the worker is of no use. */
  private static final class InitializerException extends IOException {
    private static final long serialVersionUID = 1;

    InitializerException(String trace) {
      super("initializer of the workers must not fail: it threw " + trace.strip());
    }
  }

  private final Worker worker;
  private final WorkerReports reports;
  private final PoolOptions options;
  private final Set<SlabSlot> askedFor = EnumSet.noneOf(SlabSlot.class);
  private final List<Ended> ended = new ArrayList<>();

  /**
   * The tasks that are due, in order; the first {@code ended.size()} of them have been answered.
   */
  private final List<PoolTask<?>> due = new ArrayList<>();

  AnswerReader(Worker worker, WorkerReports reports, PoolOptions options) {
    this.worker = worker;
    this.reports = reports;
    this.options = options;
  }

  /** Reads until the worker has nothing more to say. */
  void readAll(FrameReader frames) throws IOException {
    try {
      while (frames.next()) {
        handle(frames.kind(), frames.payload());
        if (!frames.hasNext() || ended.size() == BATCH) {
          settle();
        }
      }
    } finally {
      settle();
    }
  }

  private void handle(byte kind, WireInput frame) throws IOException {
    switch (kind) {
      case FrameKind.RESULT -> {
        long id = frame.getLong();
        if (id == FrameKind.INITIALIZER) {
          reports.initialized(worker);
          return;
        }
        PoolTask<?> task = due(id);
        task.function.cost.ran(frame.getInt());
        result(task, frame);
        return;
      }
      case FrameKind.FAILURE -> {
        long id = frame.getLong();
        if (id == FrameKind.INITIALIZER) {
          var _ = frame.getInt();
          throw new InitializerException(RemoteFailure.read(frame).trace());
        }
        PoolTask<?> task = due(id);
        task.function.cost.ran(frame.getInt());
        failure(task, frame);
        return;
      }
      default -> settle(); // the others look at the state that the answers before them have left
    }
    switch (kind) {
      case FrameKind.HELLO -> hello(frame);
      case FrameKind.STARTED -> reports.started(worker, frame.getLong());
      case FrameKind.REVOKED -> reports.revoked(worker, frame.getLong());
      case FrameKind.SLAB_SHARED -> {
        SlabSlot slot = SlabSlot.read(frame);
        if (!worker.memory.slabShared(slot, frame.getByte() != 0)) {
          throw new ProtocolException("slab must be one that was offered: slot=" + slot);
        }
      }
      case FrameKind.HEAP -> heap(frame);
      case FrameKind.LEDGER_KEPT -> reports.ledgerKept(worker);
      case FrameKind.PROGRESS -> {
        long task = frame.getLong();
        double fraction = Double.longBitsToDouble(frame.getLong());
        String message = frame.getString();
        if (!(fraction >= 0 && fraction <= 1) || message.length() > FrameKind.MAX_PROGRESS_TEXT) {
          throw new ProtocolException(
              "progress must be from 0 to 1, and short: fraction="
                  + fraction
                  + " length="
                  + message.length());
        }
        reports.progress(worker, task, fraction, message);
      }
      default -> throw new ProtocolException("kind of a frame must be known: kind=" + kind);
    }
  }

  /** Gives the places of the answered tasks back, then tells those who wait for them. */
  private void settle() {
    due.clear();
    if (!ended.isEmpty()) {
      reports.answered(worker, ended);
      ended.clear();
    }
  }

  /** The task that an answer must be for: the oldest one without an answer. */
  private PoolTask<?> due(long taskId) throws ProtocolException {
    int next = ended.size();
    if (next >= due.size() || due.get(next).id != taskId) { // one may have been taken back since
      settle();
      reports.copyInFlight(worker, due, BATCH);
      next = 0;
    }
    if (due.isEmpty() || due.get(next).id != taskId) {
      throw new ProtocolException("answer must be for the task that is due: task=" + taskId);
    }
    return due.get(next);
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
    if (worker.pid != 0) {
      throw new ProtocolException("worker must say hello once: worker=" + worker.id);
    }
    reports.hello(worker, frame.getLong());
    heap(frame);
  }

  private void heap(WireInput frame) throws ProtocolException {
    long used = frame.getLong();
    long max = frame.getLong();
    if (used < 0 || used > max) {
      throw new ProtocolException("heap must hold what is used: used=" + used + " max=" + max);
    }
    reports.heap(worker, used, max);
  }

  private void result(PoolTask<?> task, WireInput frame) throws ProtocolException {
    SlabSlot slot = SlabSlot.forResult(frame.remaining());
    if (slot != null && askedFor.add(slot)) {
      reports.askForSlab(worker, slot);
    }
    ResultFilter filter = filter(task);
    try {
      ended.add(new Ended(task, values(task, filter).read(frame), null));
    } catch (ProtocolException broken) {
      ended.add(new Ended(task, null, broken));
      throw broken;
    } catch (IOException
        | ClassNotFoundException
        | RuntimeException
        | StackOverflowError
        | LinkageError unreadable) {
      ended.add(new Ended(task, null, explain(filter, unreadable)));
    }
  }

  private void failure(PoolTask<?> task, WireInput frame) throws ProtocolException {
    RemoteFailure failure;
    try {
      failure = RemoteFailure.read(frame);
    } catch (ProtocolException broken) {
      ended.add(new Ended(task, null, broken));
      throw broken;
    }
    ended.add(new Ended(task, null, rebuild(task, failure)));
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
    return new ResultFilter(
        task.function.origin.getPackageName(), options.resultTypes(), options.codecs());
  }

  private ValueReader values(PoolTask<?> task, ResultFilter filter) {
    return new ValueReader(
        task.function.origin.getClassLoader(), filter, worker.memory.slabs(), options.codecs());
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
