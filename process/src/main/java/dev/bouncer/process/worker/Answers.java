package dev.bouncer.process.worker;

import dev.bouncer.process.wire.Codecs;
import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.Ledger;
import dev.bouncer.process.wire.RemoteFailure;
import dev.bouncer.process.wire.Slab;
import dev.bouncer.process.wire.SlabSlot;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.ValueTooLargeException;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import java.io.IOException;
import java.io.NotSerializableException;
import java.io.OutputStream;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a worker sends to its pool. Thread-safe; a frame is written whole or not at all. When the
 * pool cannot be reached any more the worker ends.
 *
 * <p>Without a {@link Ledger} every frame is sent at once. With one, frames are collected while
 * more tasks wait, and the ledger keeps them safe until they are sent: when nothing waits, when
 * there are many, or when they get old ({@link Heartbeat}).
 */
final class Answers {
  private static final int ENOUGH_BYTES = 16 << 10;

  private final OutputStream stream;
  private final int maxFrame;
  private final Slabs slabs;
  private final ValueWriter values;
  private final WireOutput output = new WireOutput(1 << 13);
  private volatile @Nullable Ledger ledger; // written with the monitor held
  private long sent;

  Answers(OutputStream stream, int maxFrame, Slabs slabs, Codecs codecs) {
    this.stream = stream;
    this.slabs = slabs;
    this.maxFrame = maxFrame;
    this.values = new ValueWriter(codecs);
  }

  synchronized void hello() {
    output.begin(FrameKind.HELLO);
    output.putInt(FrameKind.PROTOCOL);
    output.putLong(ProcessHandle.current().pid());
    putHeap();
    output.end();
    flush();
  }

  /** Tells how full the heap is. */
  synchronized void heap() {
    int before = output.size();
    output.begin(FrameKind.HEAP);
    putHeap();
    output.end();
    send(before, false);
  }

  private void putHeap() {
    Runtime runtime = Runtime.getRuntime();
    output.putLong(runtime.totalMemory() - runtime.freeMemory());
    output.putLong(runtime.maxMemory());
  }

  synchronized void keep(Ledger newLedger) {
    output.begin(FrameKind.LEDGER_KEPT);
    output.end();
    flush();
    newLedger.begin(sent);
    ledger = newLedger;
  }

  /** A slab is mapped: both sides use it from here on. */
  synchronized void share(SlabSlot slot, Slab slab) {
    slabs.put(slot, slab);
    slabShared(slot, true);
  }

  synchronized void cannotShare(SlabSlot slot) {
    slabShared(slot, false);
  }

  private void slabShared(SlabSlot slot, boolean mapped) {
    int before = output.size();
    output.begin(FrameKind.SLAB_SHARED);
    output.putByte(slot.number());
    output.putByte(mapped ? 1 : 0);
    output.end();
    send(before, false);
  }

  /**
   * A task is about to run. It is on record when this returns: in the ledger or at the pool.
   *
   * @return whether the pool was told
   */
  boolean starting(long task) {
    Ledger keeper = ledger;
    if (keeper != null) {
      keeper.started(task);
      return false;
    }
    started(task);
    return true;
  }

  synchronized void started(long task) {
    int before = output.size();
    output.begin(FrameKind.STARTED);
    output.putLong(task);
    output.end();
    send(before, false);
  }

  synchronized void revoked(List<Long> tasks) {
    int before = output.size();
    for (long task : tasks) {
      output.begin(FrameKind.REVOKED);
      output.putLong(task);
      output.end();
    }
    send(before, false);
  }

  /**
   * Sends a result; when it cannot be sent, the failure to do so is sent instead.
   *
   * @param more whether another task follows at once, so that this need not be sent alone
   */
  synchronized void result(long task, long nanos, @Nullable Object result, boolean more) {
    int before = output.size();
    try {
      output.begin(FrameKind.RESULT);
      output.putLong(task);
      output.putInt((int) Math.min(nanos, Integer.MAX_VALUE));
      writeValue(task, result, before);
      output.end();
    } catch (IOException | RuntimeException | StackOverflowError unsendable) {
      output.abort();
      failure(task, nanos, explain(result, unsendable));
      return;
    }
    send(before, more);
  }

  /** Writes a value into the frame that began {@code before}, or into a slab if it is large. */
  private void writeValue(long task, @Nullable Object value, int before) throws IOException {
    int start = output.size();
    if (value instanceof byte[] array) {
      long size = start - before + ValueWriter.sizeOf(array);
      if (size > maxFrame) {
        throw new ValueTooLargeException(size, maxFrame);
      }
      SlabSlot slot = SlabSlot.forResult((int) ValueWriter.sizeOf(array));
      Slab slab = slot == null ? null : slabs.get(slot);
      if (slot != null && slab != null && slab.offerBytes(task, array)) {
        Slabs.writePlace(output, slot, (int) ValueWriter.sizeOf(array));
        return;
      }
    }
    values.write(output, value);
    if (output.size() - before > maxFrame) {
      throw new ValueTooLargeException(output.size() - before, maxFrame);
    }
    int length = output.size() - start;
    SlabSlot slot = SlabSlot.forResult(length);
    Slab slab = slot == null ? null : slabs.get(slot);
    if (slot != null && slab != null && slab.offer(task, output.array(), start, length)) {
      output.truncate(start);
      Slabs.writePlace(output, slot, length);
    }
  }

  synchronized void failure(long task, long nanos, Throwable failure) {
    int before = output.size();
    writeFailure(task, nanos, failure);
    if (output.size() - before > maxFrame) {
      output.abort();
      writeFailure(
          task,
          nanos,
          new IllegalStateException(
              "the exception was too large to be sent: class=" + failure.getClass().getName()));
    }
    send(before, false);
  }

  private void writeFailure(long task, long nanos, Throwable failure) {
    output.begin(FrameKind.FAILURE);
    output.putLong(task);
    output.putInt((int) Math.min(nanos, Integer.MAX_VALUE));
    RemoteFailure.write(output, failure, values);
    output.end();
  }

  synchronized void progress(long task, double fraction, String message) {
    int before = output.size();
    output.begin(FrameKind.PROGRESS);
    output.putLong(task);
    output.putLong(Double.doubleToRawLongBits(fraction));
    output.putString(message);
    output.end();
    send(before, false);
  }

  /** Sends what was collected, if anything was. */
  synchronized void sendCollected() {
    if (output.size() > 0) {
      flush();
    }
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

  /** Sends the frames written since {@code before}, now or, if they are safe, with later ones. */
  private void send(int before, boolean more) {
    Ledger keeper = ledger;
    if (keeper != null && output.size() - before <= keeper.room()) {
      keeper.keep(output.array(), before, output.size() - before);
      if (more && output.size() < ENOUGH_BYTES) {
        return;
      }
    }
    flush();
  }

  private void flush() {
    try {
      sent += output.size();
      output.drainTo(stream);
      if (ledger != null) {
        ledger.sent(sent);
      }
    } catch (IOException poolIsGone) {
      PoolGone.endAtOnce(WorkerMain.POOL_GONE);
    }
  }
}
