package dev.bouncer.cli.fetch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Appends lines to a file, in order and each of them whole, over a disk that is full now and then.
 *
 * <p>What the file does not take is held back in memory, up to {@link #MAX_HELD_BACK_BYTES}, and
 * tried again with the next line; what was written of a line that did not fit is taken off again.
 * Thread-safe.
 */
final class LineAppender implements AutoCloseable {
  /** Some thousand lines of a report: enough until a download that fills the disk has failed. */
  static final int MAX_HELD_BACK_BYTES = 1 << 20;

  private final SeekableByteChannel file; // guarded by this, as is all that follows
  private final Queue<byte[]> heldBack = new ArrayDeque<>();
  private long heldBackBytes;
  private long wholeBytes;
  private boolean torn;

  /** Goes on at the end of a file whose lines are whole. */
  LineAppender(SeekableByteChannel file) throws IOException {
    this.file = file;
    wholeBytes = file.size();
  }

  /**
   * Appends a line, now or later.
   *
   * @param line with its end
   * @throws IOException if nothing can be written, and too much is held back to go on like this;
   *     the line is held back all the same
   */
  synchronized void add(byte[] line) throws IOException {
    heldBack.add(line);
    heldBackBytes += line.length;
    try {
      write();
    } catch (IOException full) {
      if (heldBackBytes > MAX_HELD_BACK_BYTES || !file.isOpen()) {
        throw full;
      }
    }
  }

  /** Returns how many lines are not in the file. */
  synchronized int heldBack() {
    return heldBack.size();
  }

  private void write() throws IOException {
    cutTornLine();
    for (byte[] line = heldBack.peek(); line != null; line = heldBack.peek()) {
      try {
        torn = true;
        ByteBuffer rest = ByteBuffer.wrap(line);
        while (rest.hasRemaining()) {
          file.write(rest);
        }
        torn = false;
      } catch (IOException full) {
        try {
          cutTornLine();
        } catch (IOException later) {
          full.addSuppressed(later); // before the next line is written
        }
        throw full;
      }
      wholeBytes += line.length;
      heldBackBytes -= line.length;
      heldBack.remove();
    }
  }

  private void cutTornLine() throws IOException {
    if (torn) {
      file.truncate(wholeBytes);
      torn = false;
    }
  }

  /**
   * Tries for the last time to write what is held back. Does nothing when called again.
   *
   * @throws IOException if that cannot be written
   */
  @Override
  public synchronized void close() throws IOException {
    if (file.isOpen()) {
      try (file) {
        write();
      }
    }
  }
}
