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
      output.putLong(FrameKind.INITIALIZER);
      output.putInt(function.id);
      output.write(function.captured, 0, function.captured.length);
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

  /** One encoded value of a task: its input, or the longest that its function captured. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Payload(byte[] source, int offset, int length) {
    static Payload longestOf(EncodedFunction function, byte @Nullable [] input) {
      return input != null && input.length >= function.longestLength
          ? new Payload(input, 0, input.length)
          : new Payload(function.captured, function.longestAt, function.longestLength);
    }
  }

  /** Puts a large value into a slab; null if it must go through the pipe. */
  private @Nullable SlabSlot offerToSlab(long task, Payload payload) throws IOException {
    SlabSlot slot = SlabSlot.forInput(payload.length);
    if (slot == null) {
      return null;
    }
    Slab slab = memory.slabs().get(slot);
    if (slab == null) {
      shareSlab(slot); // for the next one
      return null;
    }
    return slab.offer(task, payload.source, payload.offset, payload.length) ? slot : null;
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

  private void encode(PoolTask<?> task) throws IOException {
    EncodedFunction function = task.function;
    Object input = task.input;
    byte[] encodedInput = task.inputIsEncoded && input instanceof byte[] encoded ? encoded : null;
    define(function);
    Payload payload = Payload.longestOf(function, encodedInput);
    SlabSlot slot = offerToSlab(task.id, payload);
    if (slot == null) {
      output.begin(FrameKind.TASK);
    } else {
      output.begin(FrameKind.TASK_WITH_SLAB);
      output.putByte(slot.number());
    }
    output.putLong(task.id);
    output.putInt(function.id);
    put(function.captured, payload, slot);
    output.putByte(task.hasInput ? 1 : 0);
    if (encodedInput != null) {
      put(encodedInput, payload, slot);
    } else if (task.hasInput) {
      ValueWriter.PLAIN.write(output, input); // it needs no codec
    }
    output.end();
  }

  /** Adds encoded values; in place of the one that is in a slab, where it is. */
  @SuppressWarnings("ReferenceEquality") // the payload is a part of that very array
  private void put(byte[] values, Payload payload, @Nullable SlabSlot slot) {
    if (slot == null || payload.source != values) {
      output.write(values, 0, values.length);
      return;
    }
    int end = payload.offset + payload.length;
    output.write(values, 0, payload.offset);
    Slabs.writePlace(output, slot, payload.length);
    output.write(values, end, values.length - end);
  }
}
