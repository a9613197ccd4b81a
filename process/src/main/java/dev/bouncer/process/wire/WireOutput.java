package dev.bouncer.process.wire;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A growing array of bytes that frames and values are written into. Not thread-safe. */
public final class WireOutput extends OutputStream {
  /** What one value or frame may take at most; beyond it an array could not hold it. */
  public static final int MAX_BYTES = 1 << 30;

  private static final int KEPT_CAPACITY = 1 << 20;

  private final int initialCapacity;
  private byte[] bytes;
  private int size;
  private int frameStart;

  /**
   * Makes an empty buffer.
   *
   * @param initialCapacity its first capacity in bytes
   */
  public WireOutput(int initialCapacity) {
    this.initialCapacity = initialCapacity;
    this.bytes = new byte[initialCapacity];
  }

  /**
   * Opens a frame; {@link #end()} closes it.
   *
   * @param kind one of {@link FrameKind}
   */
  public void begin(byte kind) {
    frameStart = size;
    putInt(0);
    putByte(kind);
  }

  /** Closes the frame: writes its length in front of it. */
  public void end() {
    int length = size - frameStart - Integer.BYTES;
    setInt(frameStart, length);
  }

  /**
   * Returns the array that holds what was written, from index 0; valid until the next write.
   *
   * @return the array, not a copy
   */
  public byte[] array() {
    return bytes;
  }

  /**
   * Throws away what was written last.
   *
   * @param newSize how many bytes to keep
   */
  public void truncate(int newSize) {
    size = newSize;
  }

  /** Throws away the frame that was begun last. */
  public void abort() {
    size = frameStart;
  }

  /**
   * Returns how many bytes were written.
   *
   * @return the size in bytes
   */
  public int size() {
    return size;
  }

  /**
   * Returns what was written. The buffer must not be used any more.
   *
   * @return the bytes
   */
  public byte[] toBytes() {
    return size == bytes.length ? bytes : Arrays.copyOf(bytes, size);
  }

  /**
   * Writes everything to a stream and starts again from empty.
   *
   * @param stream where to
   * @throws IOException if the stream fails; the buffer is empty then, too
   */
  public void drainTo(OutputStream stream) throws IOException {
    try {
      stream.write(bytes, 0, size);
    } finally {
      clear();
    }
  }

  /** Forgets what was written; gives an unusually large array back to the heap. */
  public void clear() {
    size = 0;
    frameStart = 0;
    if (bytes.length > KEPT_CAPACITY) {
      bytes = new byte[initialCapacity];
    }
  }

  /**
   * Appends one byte.
   *
   * @param value the byte
   */
  public void putByte(int value) {
    ensure(1);
    bytes[size++] = (byte) value;
  }

  /**
   * Appends two bytes.
   *
   * @param value the number
   */
  public void putShort(int value) {
    ensure(Short.BYTES);
    bytes[size] = (byte) (value >>> 8);
    bytes[size + 1] = (byte) value;
    size += Short.BYTES;
  }

  /**
   * Appends four bytes.
   *
   * @param value the number
   */
  public void putInt(int value) {
    ensure(Integer.BYTES);
    setInt(size, value);
    size += Integer.BYTES;
  }

  /**
   * Appends eight bytes.
   *
   * @param value the number
   */
  public void putLong(long value) {
    ensure(Long.BYTES);
    int at = size;
    bytes[at] = (byte) (value >>> 56);
    bytes[at + 1] = (byte) (value >>> 48);
    bytes[at + 2] = (byte) (value >>> 40);
    bytes[at + 3] = (byte) (value >>> 32);
    bytes[at + 4] = (byte) (value >>> 24);
    bytes[at + 5] = (byte) (value >>> 16);
    bytes[at + 6] = (byte) (value >>> 8);
    bytes[at + 7] = (byte) value;
    size = at + Long.BYTES;
  }

  /**
   * Appends a string: its length in bytes, then its UTF-8. An unpaired surrogate becomes {@code ?}.
   *
   * @param value the string
   */
  public void putString(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    putInt(utf8.length);
    write(utf8, 0, utf8.length);
  }

  @Override
  public void write(int value) {
    putByte(value);
  }

  @Override
  public void write(byte[] source, int offset, int length) {
    ensure(length);
    System.arraycopy(source, offset, bytes, size, length);
    size += length;
  }

  /** Overwrites four bytes that were written before. */
  void setInt(int at, int value) {
    bytes[at] = (byte) (value >>> 24);
    bytes[at + 1] = (byte) (value >>> 16);
    bytes[at + 2] = (byte) (value >>> 8);
    bytes[at + 3] = (byte) value;
  }

  private void ensure(int more) {
    if (bytes.length - size < more) {
      grow(more);
    }
  }

  private void grow(int more) {
    long needed = (long) size + more;
    if (needed > MAX_BYTES) {
      throw new ValueTooLargeException(needed, MAX_BYTES);
    }
    bytes = Arrays.copyOf(bytes, (int) Math.clamp(bytes.length * 2L, needed, MAX_BYTES));
  }
}
