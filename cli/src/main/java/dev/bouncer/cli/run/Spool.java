package dev.bouncer.cli.run;

import dev.bouncer.cli.child.ByteSink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one output of a job until it is its turn: in memory while the {@link MemoryBudget} allows,
 * then in a temporary file that has no name any more, so that it is gone with this process however
 * that ends. Filled by one thread, then written and closed by another.
 */
public final class Spool implements ByteSink, AutoCloseable {
  private static final int SMALLEST_PIECE = 512;
  private static final int LARGEST_PIECE = 64 * 1024;

  private final MemoryBudget budget;
  private final List<ByteBuffer> pieces = new ArrayList<>(1);
  private long inMemory;
  private @Nullable FileChannel file;
  private int lastByte = '\n';

  Spool(MemoryBudget budget) {
    this.budget = budget;
  }

  @Override
  public void accept(ByteBuffer bytes) throws IOException {
    if (bytes.hasRemaining()) {
      lastByte = bytes.get(bytes.limit() - 1);
    }
    while (bytes.hasRemaining()) {
      ByteBuffer piece = file == null ? roomInMemory(bytes.remaining()) : null;
      if (piece == null) {
        spill(bytes);
        return;
      }
      int count = Math.min(piece.remaining(), bytes.remaining());
      piece.put(bytes.slice(bytes.position(), count));
      bytes.position(bytes.position() + count);
    }
  }

  /** Returns a piece that is not full, or null if the budget is used up. */
  private @Nullable ByteBuffer roomInMemory(int wanted) {
    if (!pieces.isEmpty() && pieces.getLast().hasRemaining()) {
      return pieces.getLast();
    }
    int size = Math.clamp(Math.max(wanted, inMemory), SMALLEST_PIECE, LARGEST_PIECE);
    if (!budget.take(size)) {
      return null;
    }
    inMemory += size;
    ByteBuffer piece = ByteBuffer.allocate(size);
    pieces.add(piece);
    return piece;
  }

  private void spill(ByteBuffer bytes) throws IOException {
    if (file == null) {
      Path path = Files.createTempFile("bouncer-", ".out");
      file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE); // on Unix the name goes at once
    }
    while (bytes.hasRemaining()) {
      file.write(bytes);
    }
  }

  boolean isEmpty() {
    return pieces.isEmpty() && file == null;
  }

  /** Tells whether what comes next would begin in the middle of a line. */
  boolean endsInsideLine() {
    return lastByte != '\n';
  }

  /** Writes everything; call it once. */
  void writeTo(WritableByteChannel target) throws IOException {
    for (ByteBuffer piece : pieces) {
      writeFully(piece.flip(), target);
    }
    if (file != null) {
      ByteBuffer block = ByteBuffer.allocateDirect(LARGEST_PIECE);
      file.position(0);
      while (file.read(block) >= 0) {
        writeFully(block.flip(), target);
        block.clear();
      }
    }
  }

  private static void writeFully(ByteBuffer bytes, WritableByteChannel target) throws IOException {
    while (bytes.hasRemaining()) {
      if (target.write(bytes) == 0) { // somebody made the descriptor non-blocking
        LockSupport.parkNanos(1_000_000);
      }
    }
  }

  @Override
  public void close() {
    pieces.clear();
    budget.giveBack(inMemory);
    inMemory = 0;
    if (file != null) {
      try {
        file.close();
      } catch (IOException alreadyUnlinked) {
        // Nothing was to be kept.
      }
      file = null;
    }
  }
}
