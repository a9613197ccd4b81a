package dev.bouncer.process.wire;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads fields out of one frame, or of any other range of bytes, and never beyond its end. Not
 * thread-safe.
 */
public final class WireInput extends InputStream {
  private byte[] bytes;
  private int position;
  private int end;

  /**
   * Reads a range.
   *
   * @param bytes the array, not copied
   * @param offset where the range begins
   * @param length how long it is
   */
  public WireInput(byte[] bytes, int offset, int length) {
    this.bytes = bytes;
    this.position = offset;
    this.end = offset + length;
  }

  void reset(byte[] newBytes, int offset, int length) {
    this.bytes = newBytes;
    this.position = offset;
    this.end = offset + length;
  }

  /**
   * Returns how many bytes are left.
   *
   * @return the number
   */
  public int remaining() {
    return end - position;
  }

  /**
   * Reads one byte.
   *
   * @return it
   * @throws ProtocolException if the range has ended
   */
  public byte getByte() throws ProtocolException {
    require(1);
    return bytes[position++];
  }

  /**
   * Reads two bytes.
   *
   * @return the number
   * @throws ProtocolException if the range has ended
   */
  public short getShort() throws ProtocolException {
    require(Short.BYTES);
    int at = position;
    position = at + Short.BYTES;
    return (short) ((bytes[at] & 0xFF) << 8 | (bytes[at + 1] & 0xFF));
  }

  /**
   * Reads four bytes.
   *
   * @return the number
   * @throws ProtocolException if the range has ended
   */
  public int getInt() throws ProtocolException {
    require(Integer.BYTES);
    int value = intAt(bytes, position);
    position += Integer.BYTES;
    return value;
  }

  /**
   * Reads eight bytes.
   *
   * @return the number
   * @throws ProtocolException if the range has ended
   */
  public long getLong() throws ProtocolException {
    require(Long.BYTES);
    long high = intAt(bytes, position);
    long low = intAt(bytes, position + Integer.BYTES) & 0xFFFF_FFFFL;
    position += Long.BYTES;
    return high << 32 | low;
  }

  /**
   * Reads a string.
   *
   * @return it
   * @throws ProtocolException if the range has ended or the length is impossible
   */
  public String getString() throws ProtocolException {
    int length = getLength(1);
    String value = new String(bytes, position, length, StandardCharsets.UTF_8);
    position += length;
    return value;
  }

  /**
   * Reads the number of elements that follow, and checks that they can be there.
   *
   * @param bytesEach the size of one element in bytes, at least 1
   * @return the number
   * @throws ProtocolException if fewer bytes are left than that many elements need
   */
  public int getLength(int bytesEach) throws ProtocolException {
    int length = getInt();
    if (length < 0 || length > remaining() / bytesEach) {
      throw new ProtocolException(
          "length must fit the frame: length=" + length + " remaining=" + remaining());
    }
    return length;
  }

  /**
   * Reads a number of bytes.
   *
   * @param length how many
   * @return a new array
   * @throws ProtocolException if fewer are left
   */
  public byte[] getBytes(int length) throws ProtocolException {
    require(length);
    byte[] copy = Arrays.copyOfRange(bytes, position, position + length);
    position += length;
    return copy;
  }

  /**
   * Takes the next bytes as an input of their own.
   *
   * @param length how many
   * @return a view of them, not a copy
   * @throws ProtocolException if fewer are left
   */
  public WireInput slice(int length) throws ProtocolException {
    require(length);
    WireInput slice = new WireInput(bytes, position, length);
    position += length;
    return slice;
  }

  /**
   * Copies what is left, so that it outlives the frame.
   *
   * @return the rest, as an input of its own
   */
  public WireInput copyOfRest() {
    byte[] rest = Arrays.copyOfRange(bytes, position, end);
    return new WireInput(rest, 0, rest.length);
  }

  @Override
  public int read() {
    return position < end ? bytes[position++] & 0xFF : -1;
  }

  @Override
  public int read(byte[] target, int offset, int length) {
    if (length == 0) {
      return 0;
    }
    int count = Math.min(length, remaining());
    if (count == 0) {
      return -1;
    }
    System.arraycopy(bytes, position, target, offset, count);
    position += count;
    return count;
  }

  @Override
  public int available() {
    return remaining();
  }

  static int intAt(byte[] bytes, int at) {
    return bytes[at] << 24
        | (bytes[at + 1] & 0xFF) << 16
        | (bytes[at + 2] & 0xFF) << 8
        | (bytes[at + 3] & 0xFF);
  }

  private void require(int count) throws ProtocolException {
    if (count < 0 || end - position < count) {
      throw new ProtocolException(
          "frame must hold what its kind needs: needed=" + count + " remaining=" + remaining());
    }
  }
}
