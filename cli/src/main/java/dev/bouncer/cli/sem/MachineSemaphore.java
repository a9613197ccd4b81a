package dev.bouncer.cli.sem;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A semaphore for the processes of one user on one machine: a locked file is a permit. The system
 * gives the locks of a process that dies to others, so nothing has to be cleaned up, ever.
 *
 * <p>Waiters stand before a file of their own, {@code line}, whose lock the system hands from one
 * to the next; only the holder of that lock looks for a free permit.
 */
final class MachineSemaphore {
  private static final long LOOK_AGAIN = TimeUnit.MILLISECONDS.toNanos(10);

  private final Path folder;
  private final int limit;

  private MachineSemaphore(Path folder, int limit) {
    this.folder = folder;
    this.limit = limit;
  }

  /**
   * Opens the semaphore of this name.
   *
   * @param parent under which each semaphore has a folder
   * @param name letters, digits, dot, dash and underscore
   */
  static MachineSemaphore open(Path parent, String name, int limit) throws IOException {
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")) {
      throw new IllegalArgumentException(
          "name must be 1 to 100 letters, digits, dots, dashes or underscores: name=" + name);
    }
    if (limit < 1) {
      throw new IllegalArgumentException("limit must be at least 1: limit=" + limit);
    }
    Path folder = parent.resolve(name);
    Files.createDirectories(folder);
    return new MachineSemaphore(folder, limit);
  }

  /** The user's runtime folder; without one, a private folder among the temporary files. */
  static Path home() throws IOException {
    String runtime = System.getenv().getOrDefault("XDG_RUNTIME_DIR", "");
    if (!runtime.isEmpty() && Files.isDirectory(Path.of(runtime))) {
      return Path.of(runtime, "bouncer-sem");
    }
    String user = System.getProperty("user.name", "user").replaceAll("[^A-Za-z0-9._-]", "_");
    Path folder = Path.of(System.getProperty("java.io.tmpdir", "/tmp"), "bouncer-sem-" + user);
    try {
      Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException exists) {
      String owner = Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).getName();
      if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
          || !owner.equals(System.getProperty("user.name"))) {
        throw new IOException(
            "folder must belong to this user: folder=" + folder + " owner=" + owner, exists);
      }
    }
    return folder;
  }

  /** A permit; closing the channel, or the end of the process, gives it back. */
  FileChannel acquire() throws IOException {
    try (FileChannel line = open("line");
        FileLock turn = line.lock()) {
      while (turn.isValid()) {
        FileChannel permit = tryAcquire();
        if (permit != null) {
          return permit;
        }
        LockSupport.parkNanos(LOOK_AGAIN);
      }
      throw new IOException("lock was lost: folder=" + folder);
    }
  }

  private @Nullable FileChannel tryAcquire() throws IOException {
    for (int number = 1; number <= limit; number++) {
      FileChannel permit = open("permit-" + number);
      if (permit.tryLock() != null) {
        return permit;
      }
      permit.close();
    }
    return null;
  }

  private FileChannel open(String file) throws IOException {
    return FileChannel.open(
        folder.resolve(file), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }
}
