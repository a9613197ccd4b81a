package dev.bouncer.process.wire;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A page of memory shared by a worker and its pool, in which the worker notes what it does. It
 * outlives the worker: whatever kills that, the pool still learns which task was running, and gets
 * the results that the worker had not sent yet. So a worker may collect many results before it
 * sends them, and a crash takes just the one task that ran.
 *
 * <pre>
 *   0  started    number of the task that was started last
 *   8  base       how many bytes went into the pipe before those kept here
 *  16  produced   how many bytes were made in all; those kept here are [base, produced)
 *  64  the bytes
 * </pre>
 *
 * <p>One thread at a time writes, and each of the three numbers is one aligned store, made after
 * what it speaks of (a release fence). The pool reads only when the writer is dead.
 */
public final class Ledger {
  private static final int STARTED = 0;
  private static final int BASE = 8;
  private static final int PRODUCED = 16;
  private static final int DATA = 64;

  /** The size of the file behind a ledger, in bytes. */
  public static final int SIZE = 128 << 10;

  private final MappedByteBuffer memory;

  private Ledger(MappedByteBuffer memory) {
    this.memory = memory;
    memory.order(ByteOrder.nativeOrder());
  }

  /**
   * Maps a ledger.
   *
   * @param file a file of {@link #SIZE} bytes, zero at first
   * @return the ledger; the file may be deleted when both sides have mapped it
   * @throws IOException if it cannot be mapped
   */
  public static Ledger map(Path file) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (channel.size() < SIZE) { // touching what is not there would kill the process
        throw new IOException("file of a ledger must have its size: bytes=" + channel.size());
      }
      return new Ledger(channel.map(MapMode.READ_WRITE, 0, SIZE));
    }
  }

  // ---- by the worker

  /**
   * Begins to count.
   *
   * @param sent how many bytes went into the pipe so far
   */
  public void begin(long sent) {
    memory.putLong(PRODUCED, sent);
    VarHandle.releaseFence();
    memory.putLong(BASE, sent);
  }

  /**
   * Notes that a task starts.
   *
   * @param task its number
   */
  public void started(long task) {
    memory.putLong(STARTED, task);
    VarHandle.releaseFence();
  }

  /**
   * Returns how many bytes may be added.
   *
   * @return the room left
   */
  public int room() {
    return SIZE - DATA - kept();
  }

  /**
   * Keeps bytes that are still to be sent.
   *
   * @param source holds them
   * @param offset where they begin
   * @param length how many they are, at most {@link #room()}
   */
  public void keep(byte[] source, int offset, int length) {
    memory.put(DATA + kept(), source, offset, length);
    VarHandle.releaseFence();
    memory.putLong(PRODUCED, memory.getLong(PRODUCED) + length);
  }

  /**
   * Forgets what was kept, as it has been sent.
   *
   * @param sent how many bytes went into the pipe so far
   */
  public void sent(long sent) {
    memory.putLong(PRODUCED, Math.max(sent, memory.getLong(PRODUCED)));
    VarHandle.releaseFence();
    memory.putLong(BASE, sent);
    VarHandle.releaseFence();
  }

  private int kept() {
    return (int) (memory.getLong(PRODUCED) - memory.getLong(BASE));
  }

  // ---- by the pool, when the worker is dead

  /**
   * Returns the task that was started last.
   *
   * @return its number; 0 if none was started since the ledger was begun
   */
  public long lastStarted() {
    return memory.getLong(STARTED);
  }

  /**
   * Returns what the worker made but did not get into the pipe.
   *
   * @param received how many bytes came out of the pipe
   * @return the bytes that follow them; nothing if the page makes no sense
   */
  public byte[] unsent(long received) {
    VarHandle.acquireFence();
    long base = memory.getLong(BASE);
    long produced = memory.getLong(PRODUCED);
    if (received < base || produced <= received || produced - base > SIZE - DATA) {
      return new byte[0];
    }
    byte[] bytes = new byte[(int) (produced - received)];
    memory.get(DATA + (int) (received - base), bytes);
    return bytes;
  }
}
