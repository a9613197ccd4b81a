package dev.bouncer.cli.fetch;

import dev.bouncer.cli.child.ByteSink;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A file for each body. A body that is on its way has a name that starts with a dot and tells which
 * process writes it; it gets its own name when it is whole, in one step.
 */
final class FolderDestination implements Destination {
  private static final Pattern PART = Pattern.compile("\\.bouncer-(\\d{1,18})-\\d+\\.part");

  private static final String STOPPED = "the download was stopped";

  private final Path folder;
  private final long pid = ProcessHandle.current().pid();
  private final AtomicLong numbers = new AtomicLong();
  private final Set<PartFile> open = ConcurrentHashMap.newKeySet();

  /** Makes the folder if need be, and removes what processes that are gone have left half-done. */
  FolderDestination(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
    try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, ".bouncer-*.part")) {
      for (Path part : parts) {
        Matcher name = PART.matcher(part.getFileName().toString());
        if (name.matches() && ProcessHandle.of(Long.parseLong(name.group(1))).isEmpty()) {
          Files.deleteIfExists(part);
        }
      }
    }
  }

  @Override
  public boolean has(Url url) {
    return Files.exists(folder.resolve(url.fileName()));
  }

  @Override
  public Part open(Url url) {
    Path path = folder.resolve(".bouncer-" + pid + "-" + numbers.incrementAndGet() + ".part");
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
      return bytes -> {
        while (bytes.hasRemaining()) {
          started.write(bytes);
        }
      };
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
