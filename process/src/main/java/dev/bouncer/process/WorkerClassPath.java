package dev.bouncer.process;

import dev.bouncer.Pool;
import dev.bouncer.process.worker.WorkerMain;
import java.io.File;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Where workers find their classes: Bouncer's own first, then those of the user. */
final class WorkerClassPath {
  private WorkerClassPath() {}

  /** Returns the jars or folders that Bouncer itself was loaded from. */
  static List<Path> ofBouncer() {
    List<Path> homes = new ArrayList<>(2);
    addHome(homes, WorkerMain.class);
    addHome(homes, Pool.class);
    return homes;
  }

  /**
   * Returns the whole class path, each entry once.
   *
   * @param users the entries that the user asked for; none means those of this JVM
   */
  static String of(List<Path> users) {
    Set<String> entries = new LinkedHashSet<>();
    for (Path home : ofBouncer()) {
      entries.add(home.toString());
    }
    for (Path entry : users) {
      entries.add(entry.toAbsolutePath().toString());
    }
    if (users.isEmpty()) {
      addAll(entries, System.getProperty("java.class.path", ""));
      addAll(entries, System.getProperty("jdk.module.path", ""));
    }
    return String.join(File.pathSeparator, entries);
  }

  private static void addAll(Set<String> entries, String path) {
    for (String entry : path.split(File.pathSeparator, -1)) {
      if (!entry.isEmpty()) {
        entries.add(Path.of(entry).toAbsolutePath().toString());
      }
    }
  }

  private static void addHome(List<Path> homes, Class<?> type) {
    CodeSource source = type.getProtectionDomain().getCodeSource();
    if (source != null && "file".equals(source.getLocation().getProtocol())) {
      try {
        Path home = Path.of(source.getLocation().toURI());
        if (!homes.contains(home)) {
          homes.add(home);
        }
      } catch (URISyntaxException notAFile) {
        throw new IllegalStateException("location of " + type + " must be a file", notAFile);
      }
    }
  }
}
