package dev.bouncer.process.wire;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Memory shared by a worker and its pool, through which one large value at a time goes in one
 * direction, without the many copies and wake-ups of a pipe.
 *
 * <pre>
 *   0  state     0 when it is free, else one more than the number of the task whose value it holds
 *  64  the value, encoded
 * </pre>
 *
 * <p>The sender puts a value in when the slab is free, and names the slab in a frame; the receiver
 * copies it out and sets the slab free. Nobody ever waits for a slab: while it is not free, values
 * go through the pipe. What a receiver judges is its copy, which the sender cannot change any more.
 */
public final class Slab implements AutoCloseable {
  private static final int STATE = 0;
  private static final long FREE = 0;
  private static final int DATA = 64;

  private final Arena arena;
  private final MemorySegment memory;
  private final int payloadBytes;

  private Slab(Arena arena, MemorySegment memory, int payloadBytes) {
    this.arena = arena;
    this.memory = memory;
    this.payloadBytes = payloadBytes;
  }

  /**
   * Returns the size of the file behind a slab.
   *
   * @param slot which slab
   * @return the size in bytes
   */
  public static int fileBytes(SlabSlot slot) {
    return DATA + slot.payloadBytes();
  }

  /**
   * Maps a slab.
   *
   * @param file a file of {@link #fileBytes} bytes, zero at first
   * @param slot which slab
   * @return the slab; the file may be deleted when both sides have mapped it
   * @throws IOException if it cannot be mapped
   */
  @SuppressWarnings("MustBeClosedChecker") // the slab closes it
  public static Slab map(Path file, SlabSlot slot) throws IOException {
    Arena arena = Arena.ofShared();
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (channel.size() < fileBytes(slot)) { // touching what is not there would kill the process
        throw new IOException("file of a slab must have its size: bytes=" + channel.size());
      }
      MemorySegment memory = channel.map(MapMode.READ_WRITE, 0, fileBytes(slot), arena);
      return new Slab(arena, memory, slot.payloadBytes());
    } catch (IOException | RuntimeException | Error impossible) {
      arena.close();
      throw impossible;
    }
  }

  // ---- by the sender

  /**
   * Puts an encoded value in.
   *
   * @param task the task that it belongs to
   * @param source holds it
   * @param offset where it begins
   * @param length how long it is
   * @return false if the slab is not free or too small
   */
  public boolean offer(long task, byte[] source, int offset, int length) {
    if (length > payloadBytes || !isFree()) {
      return false;
    }
    MemorySegment.copy(source, offset, memory, ValueLayout.JAVA_BYTE, DATA, length);
    setState(task + 1);
    return true;
  }

  /**
   * Encodes an array and puts it in, with one copy instead of two.
   *
   * @param task the task that it belongs to
   * @param value the array
   * @return false if the slab is not free or too small
   */
  public boolean offerBytes(long task, byte[] value) {
    if (ValueWriter.sizeOf(value) > payloadBytes || !isFree()) {
      return false;
    }
    memory.set(ValueLayout.JAVA_BYTE, DATA, ValueTag.BYTES);
    memory.set(LENGTH, DATA + 1, value.length);
    MemorySegment.copy(
        value, 0, memory, ValueLayout.JAVA_BYTE, DATA + 1 + Integer.BYTES, value.length);
    setState(task + 1);
    return true;
  }

  private static final ValueLayout.OfInt LENGTH =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(java.nio.ByteOrder.BIG_ENDIAN);

  // ---- by the receiver

  /**
   * Copies a value out, sets the slab free, and decodes the value.
   *
   * @param length how long the value is, as its frame says
   * @param values decodes it
   * @return the value
   * @throws IOException if the slab holds no such value, or the value cannot be decoded
   * @throws ClassNotFoundException if a class of the value is unknown here
   */
  @Nullable Object take(int length, ValueReader values) throws IOException, ClassNotFoundException {
    if (length < 1 || length > payloadBytes || isFree()) {
      throw new ProtocolException(
          "slab must hold what its frame says: length=" + length + " free=" + isFree());
    }
    int header = 1 + Integer.BYTES;
    if (length >= header && memory.get(ValueLayout.JAVA_BYTE, DATA) == ValueTag.BYTES) {
      int count = memory.get(LENGTH, DATA + 1);
      if (count != length - header) {
        throw new ProtocolException("length must fit the frame: length=" + count);
      }
      byte[] value = copy(header, count);
      setState(FREE);
      return value;
    }
    byte[] copy = copy(0, length);
    setState(FREE);
    return values.read(new WireInput(copy, 0, length));
  }

  private byte[] copy(int from, int count) {
    byte[] copy = new byte[count];
    MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, (long) DATA + from, copy, 0, count);
    return copy;
  }

  /**
   * Sets the slab free if it holds the value of a task that will not ask for it any more.
   *
   * @param task the task
   */
  public void free(long task) {
    if (memory.get(ValueLayout.JAVA_LONG, STATE) == task + 1) {
      setState(FREE);
    }
  }

  private boolean isFree() {
    boolean free = memory.get(ValueLayout.JAVA_LONG, STATE) == FREE;
    VarHandle.acquireFence();
    return free;
  }

  private void setState(long state) {
    VarHandle.releaseFence();
    memory.set(ValueLayout.JAVA_LONG, STATE, state);
    VarHandle.releaseFence();
  }

  /** Gives the memory back to the system, once the other side has, too. */
  @Override
  public void close() {
    arena.close();
  }
}
