package dev.bouncer.cli.fetch;

import dev.bouncer.cli.child.ByteSink;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A file for each body. A body that is on its way has a name that starts with a dot and tells which
 * process writes it; it gets its own name when it is whole, in one step.
 */
final class FolderDestination implements Destination {
  private static final Duration JUST_NOW = Duration.ofMinutes(1);

  private static final String STOPPED = "the download was stopped";

  private final Path folder;
  private final long pid = ProcessHandle.current().pid();

  /** Processes in containers have the same ids, and may share a folder. */
  private final String run = Long.toHexString(new SecureRandom().nextLong());

  private final AtomicLong numbers = new AtomicLong();
  private final Set<PartFile> open = ConcurrentHashMap.newKeySet();

  /** Makes the folder if need be, and removes what processes that are gone have left half-done. */
  FolderDestination(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
    try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, ".bouncer-*.part")) {
      for (Path part : parts) {
        if (isAbandoned(part)) {
          Files.deleteIfExists(part);
        }
      }
    }
  }

  /**
   * Whoever writes a part holds a lock on it, from whichever container; a part that was made just
   * now may not have its lock yet.
   */
  private static boolean isAbandoned(Path part) {
    try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      Instant changed = Files.getLastModifiedTime(part).toInstant();
      return lock != null && changed.isBefore(Instant.now().minus(JUST_NOW));
    } catch (IOException | OverlappingFileLockException unknown) {
      return false;
    }
  }

  @Override
  public @Nullable String find(Url url) {
    Path whole = folder.resolve(url.fileName());
    return Files.exists(whole) ? whole.toString() : null;
  }

  @Override
  public Part open(Url url) {
    Path path =
        folder.resolve(".bouncer-" + pid + "-" + run + "-" + numbers.incrementAndGet() + ".part");
    PartFile part = new PartFile(path, folder.resolve(url.fileName()));
    open.add(part);
    return part;
  }

  @Override
  public void close() {
    open.forEach(PartFile::close);
  }

  private final class PartFile implements Part {
    private final Path path;
    private final Path whole;
    private @Nullable FileChannel channel; // guarded by this, as is the next
    private boolean ended;

    PartFile(Path path, Path whole) {
      this.path = path;
      this.whole = whole;
    }

    @Override
    public synchronized ByteSink restart() throws IOException {
      if (ended) {
        throw new IOException(STOPPED);
      }
      if (channel != null) {
        channel.close();
      }
      FileChannel started =
          FileChannel.open(
              path,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
      channel = started;
      lock(started);
      return bytes -> {
        while (bytes.hasRemaining()) {
          started.write(bytes);
        }
      };
    }

    /** Where files cannot be locked, only the age of a part protects it. */
    private static void lock(FileChannel started) {
      try {
        var _ = started.tryLock();
      } catch (IOException unsupported) {
        // The body itself can be written all the same.
      }
    }

    @Override
    public synchronized String keep() throws IOException {
      if (ended || channel == null) {
        throw new IOException(STOPPED);
      }
      channel.close();
      Files.move(path, whole, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      ended = true;
      open.remove(this);
      return whole.toString();
    }

    @Override
    public synchronized void close() {
      open.remove(this);
      if (ended) {
        return;
      }
      ended = true;
      try {
        if (channel != null) {
          channel.close();
          Files.deleteIfExists(path);
        }
      } catch (IOException left) {
        // The next run removes it.
      }
    }
  }
}
