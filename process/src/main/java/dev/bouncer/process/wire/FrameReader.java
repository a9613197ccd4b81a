package dev.bouncer.process.wire;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * Cuts a stream of bytes into frames. Used by one thread.
 *
 * <p>Memory grows with what really arrived, not with what a length field claims: a broken peer
 * cannot make it allocate more than twice what it sent.
 */
public final class FrameReader {
  private static final int CAPACITY = 1 << 16;

  private final InputStream stream;
  private final int maxFrame;
  private final WireInput payload = new WireInput(new byte[0], 0, 0);
  private byte[] bytes = new byte[CAPACITY];
  private int start;
  private int end;
  private byte kind;
  private final BriefSpin spin = new BriefSpin();

  /**
   * Reads frames from a stream.
   *
   * @param stream where from
   * @param maxFrame the largest frame to accept, in bytes
   */
  public FrameReader(InputStream stream, int maxFrame) {
    this.stream = stream;
    this.maxFrame = maxFrame;
  }

  /**
   * Reads the next frame, waiting for it as long as it takes.
   *
   * @return false when the stream ended between two frames
   * @throws IOException if the stream failed, ended inside a frame, or the frame is impossible
   */
  public boolean next() throws IOException {
    if (start == end) {
      var _ = spin.await(() -> stream.available() > 0);
    }
    if (!fill(Integer.BYTES)) {
      return false;
    }
    int length = WireInput.intAt(bytes, start);
    if (length < 1 || length > maxFrame) {
      throw new ProtocolException(
          "frame must have 1 to " + maxFrame + " bytes: bytes=" + Integer.toUnsignedString(length));
    }
    fill(Integer.BYTES + length);
    kind = bytes[start + Integer.BYTES];
    payload.reset(bytes, start + Integer.BYTES + 1, length - 1);
    start += Integer.BYTES + length;
    return true;
  }

  /**
   * Returns whether {@link #next()} would return at once with a whole frame.
   *
   * @return whether a whole frame has been read already
   */
  public boolean hasNext() {
    int available = end - start;
    return available >= Integer.BYTES
        && available - Integer.BYTES >= WireInput.intAt(bytes, start)
        && WireInput.intAt(bytes, start) >= 1;
  }

  /**
   * Returns the kind of the frame read last.
   *
   * @return one of {@link FrameKind}, or what a broken peer sent
   */
  public byte kind() {
    return kind;
  }

  /**
   * Returns the fields of the frame read last; valid until the next call of {@link #next()}.
   *
   * @return the fields
   */
  public WireInput payload() {
    return payload;
  }

  /** Reads until {@code needed} bytes are there; false at a clean end of the stream. */
  private boolean fill(int needed) throws IOException {
    if (start == end) {
      start = 0;
      end = 0;
      if (bytes.length > CAPACITY * 16) {
        bytes = new byte[CAPACITY];
      }
    }
    while (end - start < needed) {
      if (end == bytes.length) {
        makeRoom(needed);
      }
      int count = stream.read(bytes, end, bytes.length - end);
      if (count < 0) {
        if (end == start) {
          return false;
        }
        throw new EOFException("stream ended inside a frame: bytes=" + (end - start));
      }
      end += count;
    }
    return true;
  }

  private void makeRoom(int needed) {
    int held = end - start;
    if (start > 0 && held < bytes.length / 2) {
      System.arraycopy(bytes, start, bytes, 0, held);
    } else {
      long doubled = Math.min(bytes.length * 2L, Math.max((long) needed, CAPACITY));
      byte[] larger = new byte[(int) Math.max(doubled, held + 1L)];
      System.arraycopy(bytes, start, larger, 0, held);
      bytes = larger;
    }
    start = 0;
    end = held;
  }
}
