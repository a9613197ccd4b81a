package dev.bouncer.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where a pool makes the files that it shares with its workers: in memory, where the system has
 * such a folder. Thread-safe.
 *
 * <p>A file has all its bytes when it is handed out: writing to mapped memory that the file system
 * then cannot provide would end the process. The pool never takes more than its part of the folder,
 * so that a small one (64 MiB in many containers) is left to others, too.
 */
final class MemoryFolder {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");
  private static final int USABLE_PART = 2;
  private static final int CHUNK = 64 << 10;

  private final Path folder;
  private final long maxBytes;
  private final AtomicLong taken = new AtomicLong();

  /**
   * Describes a folder.
   *
   * @param maxBytes how much the pool may take of it
   */
  MemoryFolder(Path folder, long maxBytes) {
    this.folder = folder;
    this.maxBytes = maxBytes;
  }

  /** The system's folder for shared memory, or for temporary files if there is none. */
  static MemoryFolder ofSystem() {
    return new MemoryFolder(
        Files.isWritable(SHARED_MEMORY)
            ? SHARED_MEMORY
            : Path.of(System.getProperty("java.io.tmpdir")),
        Long.MAX_VALUE);
  }

  /**
   * Makes a file of zeros that only the owner can read and write.
   *
   * @throws IOException if there is no room for it
   */
  Path create(String prefix, int bytes) throws IOException {
    if (taken.addAndGet(bytes) > maxBytes) {
      giveBack(bytes);
      throw new IOException("shared memory must have room: bytes=" + bytes + " max=" + maxBytes);
    }
    try {
      if (folder.toFile().getUsableSpace() / USABLE_PART < bytes) {
        throw new IOException("folder must have room: folder=" + folder + " bytes=" + bytes);
      }
      return PrivateFile.write(folder, prefix, file -> fill(file, bytes));
    } catch (IOException | RuntimeException | Error impossible) {
      giveBack(bytes);
      throw impossible;
    }
  }

  /** Bytes of a file that nobody has mapped any more. */
  void giveBack(int bytes) {
    taken.addAndGet(-bytes);
  }

  /** How much of the folder the pool has taken. */
  long takenBytes() {
    return taken.get();
  }

  private static void fill(WritableByteChannel file, int bytes) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocateDirect(CHUNK);
    for (int left = bytes; left > 0; ) {
      zeros.clear().limit(Math.min(left, CHUNK));
      left -= file.write(zeros);
    }
  }
}
