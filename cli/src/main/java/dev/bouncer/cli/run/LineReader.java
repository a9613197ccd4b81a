package dev.bouncer.cli.run;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Reads inputs that end with a separator, as they are needed and whatever bytes they hold.
 *
 * <p>Memory is bounded: one block, and one input up to {@link #MAX_BYTES}. The last input needs no
 * separator. An empty line is an empty input.
 */
public final class LineReader implements InputSource {
  /** What Linux allows one argument of a program to have, the final zero byte included. */
  static final int MAX_BYTES = 128 * 1024 - 1;

  private static final int DEFECTIVE_BYTES_KEPT = 200; // enough to recognise it in a message
  private static final int BLOCK_BYTES = 64 * 1024;

  private final InputStream stream;
  private final byte separator;
  private final byte[] block = new byte[BLOCK_BYTES];
  private int from;
  private int to;
  private boolean ended;
  private long count;

  /**
   * Makes a reader.
   *
   * @param stream where the lines come from
   * @param separator what ends each of them
   */
  public LineReader(InputStream stream, char separator) {
    this.stream = stream;
    this.separator = (byte) separator;
  }

  @Override
  public OptionalLong total() {
    return ended ? OptionalLong.of(count) : OptionalLong.empty();
  }

  @Override
  public @Nullable Input next() throws IOException {
    if (from == to && !fill()) {
      return null;
    }
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    long length = 0;
    boolean complete;
    do {
      int end = from;
      while (end < to && block[end] != separator) {
        end++;
      }
      complete = end < to;
      int room = (int) Math.max(0, MAX_BYTES + 1 - length);
      line.write(block, from, Math.min(end - from, room));
      length += end - from;
      from = complete ? end + 1 : end;
    } while (!complete && fill());
    count++;
    byte[] bytes = line.toByteArray();
    if (length > MAX_BYTES) {
      return Input.defective(
          java.util.Arrays.copyOf(bytes, DEFECTIVE_BYTES_KEPT),
          "it is longer than an argument can be: bytes=" + length + " maximum=" + MAX_BYTES);
    }
    return Input.of(bytes);
  }

  private boolean fill() throws IOException {
    if (ended) {
      return false;
    }
    from = 0;
    to = Math.max(0, stream.read(block));
    ended = to == 0;
    return !ended;
  }
}
