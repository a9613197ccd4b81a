package dev.bouncer.process;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The AOT cache that a pool's workers start with (JEP 483, 514 and 515): a file with the classes of
 * Bouncer and of the JDK that a worker needs, loaded and linked, and with profiles of their
 * methods. It saves a third of a worker's start and a quarter of its memory.
 *
 * <p>A JVM accepts a cache only if the JDK, the first entries of the class path, the garbage
 * collector and the module options are those that it was made with. All of these, so far as a pool
 * can change them, are in the name of the file; so a cache that is stale is not found. One that the
 * JVM refuses all the same costs nothing but what it would have saved.
 *
 * <p>Without a good cache a JVM can die before it says anything. Then this pool goes on without it;
 * if workers do start without, the cache was at fault, and is deleted.
 */
final class AotCache {
  private static final Set<String> WITH_AN_ARGUMENT =
      Set.of("--add-opens", "--add-exports", "--add-modules", "--add-reads", "--limit-modules");

  /** A JVM with a heap of this size or more has wider references than others. */
  private static final long WIDE_HEAP = 32L << 30;

  private static final int END_OF_A_JAR = 1 << 20;

  private enum Trust {
    FULL,
    SUSPECT,
    NONE
  }

  private final PoolOptions options;
  private final @Nullable AotCacheFolder folder;
  private volatile @Nullable String name;
  private volatile boolean used;
  private volatile Trust trust = Trust.FULL;

  AotCache(PoolOptions options, @Nullable AotCacheFolder folder) {
    this.options = options;
    this.folder = folder;
  }

  /** Looks at what decides which cache fits. Takes a moment, the first time. */
  void prepare() {
    if (folder != null && name == null && !refusesCaches(allOptions())) {
      name = nameFor(decisiveOptions(options), WorkerClassPath.ofBouncer());
    }
  }

  /** Returns the folder and the name under which a cache for this pool is, or is to be; or null. */
  @Nullable Path file() {
    prepare();
    return folder == null || name == null ? null : folder.path().resolve(name);
  }

  /** Returns the cache to start the next worker with; null if there is none to be trusted. */
  @Nullable Path usable() {
    Path file = file();
    if (file == null || folder == null || trust != Trust.FULL || !folder.isTrusted(file)) {
      return null;
    }
    if (!used) {
      used = true;
      folder.touch(file);
    }
    return file;
  }

  /** Returns whether it makes sense to make a cache for this pool. */
  boolean isWanted() {
    return file() != null && trust == Trust.FULL && usable() == null;
  }

  /**
   * A worker has ended.
   *
   * @param cached whether it was started with the cache
   * @param spoke whether it got as far as to greet its pool
   */
  void ended(boolean cached, boolean spoke) {
    if (cached && !spoke && trust == Trust.FULL) {
      trust = Trust.SUSPECT;
    } else if (!cached && spoke && trust == Trust.SUSPECT) {
      trust = Trust.NONE;
      Path file = file();
      if (file != null) {
        var _ = file.toFile().delete();
      }
    }
  }

  /** Tells for a dump how the next worker will be started. */
  String describe() {
    if (folder == null) {
      return "off";
    }
    return switch (trust) {
      case SUSPECT -> "suspect";
      case NONE -> "deleted";
      case FULL -> file() == null ? "impossible" : usable() == null ? "none yet" : "in use";
    };
  }

  /** Returns the options of the pool, and those that the JVM takes from the environment. */
  private List<String> allOptions() {
    List<String> all = new ArrayList<>(options.jvmOptions());
    for (String variable : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
      String value = System.getenv(variable);
      if (value != null) {
        all.addAll(List.of(value.split("\\s+", -1)));
      }
    }
    return all;
  }

  /** The JVM does not start when it is told about two kinds of cache. */
  private static boolean refusesCaches(List<String> jvmOptions) {
    for (String option : jvmOptions) {
      if (option.startsWith("-Xshare")
          || option.startsWith("-XX:AOT")
          || option.startsWith("-XX:SharedArchiveFile")
          || option.startsWith("-XX:SharedClassListFile")
          || option.startsWith("-XX:ArchiveClassesAtExit")
          || option.startsWith("-XX:DumpLoadedClassList")
          || option.startsWith("-XX:+AutoCreateSharedArchive")
          || option.startsWith("-XX:Flags=")
          || option.startsWith("-XX:VMOptionsFile=")
          || option.startsWith("-javaagent:")
          || option.startsWith("-agent")
          || option.startsWith("--patch-module")
          || option.startsWith("@")) {
        return true;
      }
    }
    return false;
  }

  /** Returns the options of the user by which a JVM decides whether a cache fits. */
  static List<String> decisiveOptions(PoolOptions options) {
    List<String> jvmOptions = options.jvmOptions();
    List<String> decisive = new ArrayList<>();
    if (options.maxHeapBytes().orElse(0) >= WIDE_HEAP) {
      decisive.add("-Xmx" + WIDE_HEAP);
    }
    for (int i = 0; i < jvmOptions.size(); i++) {
      String option = jvmOptions.get(i);
      if (option.startsWith("-XX:+Use")
          || option.startsWith("-XX:-Use")
          || option.startsWith("-XX:ObjectAlignmentInBytes")
          || option.startsWith("--enable-")) {
        decisive.add(option);
      } else if (option.startsWith("--add-") || option.startsWith("--limit-modules")) {
        decisive.add(option);
        if (WITH_AN_ARGUMENT.contains(option) && i + 1 < jvmOptions.size()) {
          decisive.add(jvmOptions.get(++i));
        }
      }
    }
    return decisive;
  }

  /** Returns the name of the cache for these options; null if there can be none. */
  static @Nullable String nameFor(List<String> decisive, List<Path> jars) {
    StringBuilder key = new StringBuilder();
    key.append(System.getProperty("java.home"))
        .append('\n')
        .append(System.getProperty("java.vm.name"))
        .append('\n')
        .append(System.getProperty("java.vm.version"))
        .append('\n')
        .append(System.getProperty("os.arch"));
    for (String option : decisive) {
      key.append('\n').append(option);
    }
    try {
      for (Path jar : jars) {
        BasicFileAttributes attributes = Files.readAttributes(jar, BasicFileAttributes.class);
        if (!attributes.isRegularFile()) {
          return null; // the JVM makes no cache of classes in folders
        }
        key.append('\n').append(jar).append(' ').append(attributes.size());
        key.append(' ').append(attributes.lastModifiedTime().toMillis());
        key.append(' ').append(checksumOfTheEnd(jar, attributes.size()));
      }
    } catch (IOException unreadable) {
      return null;
    }
    return "worker-" + Long.toHexString(fnv1a(key)) + AotCacheFolder.SUFFIX;
  }

  /**
   * Tells apart jars that have the same size and, as many tools make them, the same time: the end
   * of a jar lists the checksums of all its entries.
   */
  private static long checksumOfTheEnd(Path jar, long size) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(jar.toFile(), "r")) {
      byte[] end = new byte[(int) Math.min(size, END_OF_A_JAR)];
      file.seek(size - end.length);
      file.readFully(end);
      CRC32 checksum = new CRC32();
      checksum.update(end);
      return checksum.getValue();
    }
  }

  /**
   * The hash of Fowler, Noll and Vo. Two keys with the same hash do no harm, since the JVM checks
   * what counts; a digest of the JDK would cost the first worker more than its cache saves.
   */
  private static long fnv1a(CharSequence text) {
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
    }
    return hash;
  }
}
