package dev.bouncer.process;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.Slab;
import dev.bouncer.process.wire.SlabSlot;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.util.BitSet;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Writes messages to one worker; knows which functions the worker knows. Used by the thread that
 * has {@linkplain #lock() locked} it: the worker's writer, or one that submits a task to a worker
 * that has nothing to do. The threads that read from workers never do.
 */
final class WorkerChannel {
  private static final int ENOUGH_BYTES = 32 << 10;

  /** What an empty pipe takes without blocking, whatever the system's limits are (PIPE_BUF). */
  private static final int SURE_TO_FIT = 4_096;

  /** A task's frame but for what its function captured and its input. */
  private static final int TASK_OVERHEAD = 64;

  private static final int UTF8_BYTES_A_CHAR = 3;

  private final OutputStream stream;
  private final @Nullable EncodedFunction initializer;
  private final SharedMemory memory;
  private final WireOutput output = new WireOutput(1 << 13);
  private final BitSet defined = new BitSet();
  private final ReentrantLock turn = new ReentrantLock();

  WorkerChannel(OutputStream stream, @Nullable EncodedFunction initializer, SharedMemory memory) {
    this.stream = stream;
    this.memory = memory;
    this.initializer = initializer;
  }

  void lock() {
    turn.lock();
  }

  void unlock() {
    turn.unlock();
  }

  /** Locks if nobody else has, and if the task can be written to an empty pipe without blocking. */
  boolean tryLockFor(PoolTask<?> task) {
    if (!turn.tryLock()) {
      return false;
    }
    EncodedFunction function = task.function;
    if ((function.shape == null || defined.get(function.id))
        && function.captured.length + inputBytes(task.input) <= SURE_TO_FIT - TASK_OVERHEAD) {
      return true;
    }
    turn.unlock();
    return false;
  }

  /** The size of an input when it is encoded, at most. */
  private static int inputBytes(@Nullable Object input) {
    if (input instanceof byte[] encoded) {
      return encoded.length;
    }
    return input instanceof String string ? string.length() * UTF8_BYTES_A_CHAR : Long.BYTES;
  }

  /** Adds a message to those that {@link #flush} writes; writes by itself when they are many. */
  @SuppressWarnings("IfChainToSwitch") // the first pattern switch costs a JVM tens of milliseconds
  void add(Outgoing.Message message) throws IOException {
    if (message instanceof Outgoing.RunTask run) {
      encode(run.task());
    } else if (message instanceof Outgoing.CancelTask cancel) {
      output.begin(FrameKind.CANCEL);
      output.putLong(cancel.id());
      output.end();
    } else if (message instanceof Outgoing.RevokeTasks) {
      output.begin(FrameKind.REVOKE);
      output.end();
    } else if (message instanceof Outgoing.NoLedgerYet) {
      Outgoing.KeepLedger made = memory.makeLedger();
      if (made != null) {
        add(made);
      }
    } else if (message instanceof Outgoing.KeepLedger keep) {
      output.begin(FrameKind.KEEP_LEDGER);
      output.putString(keep.file().toString());
      output.end();
    } else if (message instanceof Outgoing.NoSlabYet ask) {
      shareSlab(ask.slot());
    } else if (message instanceof Outgoing.ShareSlab share) {
      output.begin(FrameKind.SHARE_SLAB);
      output.putByte(share.slot().number());
      output.putString(share.file().toString());
      output.end();
    } else if (message instanceof Outgoing.Initialize) {
      EncodedFunction function = Objects.requireNonNull(initializer);
      define(function);
      output.begin(FrameKind.TASK);
      putTask(FrameKind.INITIALIZER, function);
      output.putByte(0);
      output.end();
    } else if (message instanceof Outgoing.ShutDown) {
      output.begin(FrameKind.SHUTDOWN);
      output.end();
    } else {
      throw new IllegalArgumentException("message must be one that is sent: " + message);
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

  private void shareSlab(SlabSlot slot) throws IOException {
    Outgoing.ShareSlab made = memory.makeSlab(slot);
    if (made != null) {
      add(made);
    }
  }

  /** Puts a large input into a slab; null if it must go through the pipe. */
  private @Nullable SlabSlot offerToSlab(PoolTask<?> task) throws IOException {
    if (!(task.input instanceof byte[] encoded) || !task.inputIsEncoded) {
      return null;
    }
    SlabSlot slot = SlabSlot.forInput(encoded.length);
    if (slot == null) {
      return null;
    }
    Slab slab = memory.slabs().get(slot);
    if (slab == null) {
      shareSlab(slot); // for the next one
      return null;
    }
    return slab.offer(encoded, 0, encoded.length) ? slot : null;
  }

  private void define(EncodedFunction function) {
    FunctionShape shape = function.shape;
    if (shape != null && !defined.get(function.id)) {
      defined.set(function.id);
      output.begin(FrameKind.DEFINE);
      output.putInt(function.id);
      shape.write(output);
      output.end();
    }
  }

  private void putTask(long id, EncodedFunction function) {
    output.putLong(id);
    output.putInt(function.id);
    output.write(function.captured, 0, function.captured.length);
  }

  private void encode(PoolTask<?> task) throws IOException {
    define(task.function);
    SlabSlot slot = offerToSlab(task);
    if (slot == null) {
      output.begin(FrameKind.TASK);
    } else {
      output.begin(FrameKind.TASK_WITH_SLAB);
      output.putByte(slot.number());
    }
    putTask(task.id, task.function);
    output.putByte(task.hasInput ? 1 : 0);
    if (task.hasInput) {
      if (slot != null && task.input instanceof byte[] encoded) {
        Slabs.writePlace(output, slot, encoded.length);
      } else if (task.inputIsEncoded && task.input instanceof byte[] encoded) {
        output.write(encoded, 0, encoded.length);
      } else {
        ValueWriter.PLAIN.write(output, task.input); // it needs no codec
      }
    }
    output.end();
  }
}
