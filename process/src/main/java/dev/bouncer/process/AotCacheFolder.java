package dev.bouncer.process;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The user's folder of AOT caches. A JVM maps a cache into its memory and runs what it finds there,
 * so a cache counts only if nobody but this user can have written it: folder and file belong to the
 * user, nobody else may write to them, and neither is a link.
 */
final class AotCacheFolder {
  static final String SUFFIX = ".aot";

  /** The system property that names another folder, or switches the caches off with {@code off}. */
  static final String PROPERTY = "dev.bouncer.process.aotCache";

  private static final int MAX_FILES = 8;
  private static final Duration LEFT_BEHIND = Duration.ofHours(1);
  private static final Duration USED_TODAY = Duration.ofDays(1);
  private static final int TYPE_MASK = 0170000;
  private static final int FOLDER_TYPE = 0040000;
  private static final int FILE_TYPE = 0100000;
  private static final int WRITABLE_BY_OTHERS = 0022;

  private final Path path;

  AotCacheFolder(Path path) {
    this.path = path;
  }

  /**
   * Returns the folder of this user; null if caches are switched off, or this system has no owners
   * and permissions that could be looked at.
   */
  static @Nullable AotCacheFolder ofThisUser() {
    String wish = System.getProperty(PROPERTY, "");
    if (wish.equals("off")
        || !FileSystems.getDefault().supportedFileAttributeViews().contains("unix")) {
      return null;
    }
    if (!wish.isEmpty()) {
      return new AotCacheFolder(Path.of(wish).toAbsolutePath());
    }
    String caches = System.getenv("XDG_CACHE_HOME");
    if (caches != null && caches.startsWith("/")) {
      return new AotCacheFolder(Path.of(caches, "bouncer"));
    }
    Path home = Path.of(System.getProperty("user.home", "?"));
    if (!home.isAbsolute()) {
      return null;
    }
    boolean mac = System.getProperty("os.name", "").startsWith("Mac");
    return new AotCacheFolder(home.resolve(mac ? "Library/Caches" : ".cache").resolve("bouncer"));
  }

  Path path() {
    return path;
  }

  /** Returns whether a cache in this folder is there, and is this user's own work. */
  boolean isTrusted(Path file) {
    try {
      int user = thisUser();
      return isOwn(path, FOLDER_TYPE, user) && isOwn(file, FILE_TYPE, user);
    } catch (IOException | RuntimeException notThere) {
      return false;
    }
  }

  private static boolean isOwn(Path path, int type, int user) throws IOException {
    Map<String, Object> attributes =
        Files.readAttributes(path, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
    int mode = number(attributes, "mode");
    return number(attributes, "uid") == user
        && (mode & TYPE_MASK) == type
        && (mode & WRITABLE_BY_OTHERS) == 0;
  }

  private static int number(Map<String, Object> attributes, String name) {
    return attributes.get(name) instanceof Integer number ? number : -1;
  }

  /** What the system says who we are: the owner of what we make. */
  private static int thisUser() throws IOException {
    Path probe =
        PrivateFile.write("bouncer-" + ProcessHandle.current().pid() + "-owner", new byte[0]);
    try {
      return number(Files.readAttributes(probe, "unix:uid"), "uid");
    } finally {
      Files.deleteIfExists(probe);
    }
  }

  /**
   * Makes the folder if it is not there.
   *
   * @throws IOException if it cannot be made, or is not this user's alone
   */
  void create() throws IOException {
    int user = thisUser();
    List<Path> missing = new ArrayList<>();
    Path existing = path;
    while (existing != null && !Files.exists(existing, LinkOption.NOFOLLOW_LINKS)) {
      missing.addFirst(existing);
      existing = existing.getParent();
    }
    if (existing == null || number(Files.readAttributes(existing, "unix:uid"), "uid") != user) {
      // sudo keeps the home of somebody else; nothing that belongs to us is to appear there
      throw new IOException("folder must belong to this user: path=" + existing);
    }
    for (Path folder : missing) {
      var _ =
          Files.createDirectory(
              folder,
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    if (!isOwn(path, FOLDER_TYPE, user)) {
      throw new IOException(
          "folder must belong to this user, and nobody else may write to it: path=" + path);
    }
  }

  /**
   * Runs an action unless this JVM or another one is just doing the same for the same file.
   *
   * @return whether it ran
   */
  boolean alone(Path file, Action action)
      throws IOException, InterruptedException, ExecutionException {
    Path lockFile = path.resolve(file.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = tryLock(channel)) {
      if (lock == null) {
        return false;
      }
      action.run();
      return true;
    }
  }

  /** Something that makes a cache. */
  interface Action {
    void run() throws IOException, InterruptedException, ExecutionException;
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException inThisJvm) {
      return null;
    }
  }

  /** Puts a finished cache in its place, whole and on the disk or not at all. */
  void publish(Path finished, Path file) throws IOException {
    var _ = Files.setPosixFilePermissions(finished, PosixFilePermissions.fromString("rw-------"));
    try (FileChannel channel = FileChannel.open(finished, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
    var _ = Files.move(finished, file, StandardCopyOption.ATOMIC_MOVE);
    prune(file);
  }

  /** Notes that a cache is in use, once a day. */
  void touch(Path file) {
    try {
      Instant now = Instant.now();
      if (Files.getLastModifiedTime(file).toInstant().isBefore(now.minus(USED_TODAY))) {
        var _ = Files.setLastModifiedTime(file, FileTime.from(now));
      }
    } catch (IOException impossible) {
      // Then it may be deleted a little early.
    }
  }

  /** Deletes all but the newest caches, and what trainings that were killed have left behind. */
  private void prune(Path newest) throws IOException {
    List<Path> caches = new ArrayList<>();
    Instant old = Instant.now().minus(LEFT_BEHIND);
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        String name = String.valueOf(file.getFileName());
        if (name.endsWith(SUFFIX)) {
          caches.add(file);
        } else if (Files.getLastModifiedTime(file).toInstant().isBefore(old)) {
          Files.deleteIfExists(file);
        }
      }
    }
    caches.remove(newest);
    caches.sort(Comparator.comparing(AotCacheFolder::lastUsed).reversed());
    for (Path cache : caches.subList(Math.min(MAX_FILES - 1, caches.size()), caches.size())) {
      Files.deleteIfExists(cache);
    }
  }

  private static Instant lastUsed(Path file) {
    try {
      return Files.getLastModifiedTime(file).toInstant();
    } catch (IOException gone) {
      return Instant.MIN;
    }
  }
}
