package dev.bouncer.process;

import dev.bouncer.process.worker.WorkerMain;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The command that starts a worker.
 *
 * <p>On Linux and macOS a shell moves the protocol from standard input and output to descriptors 3
 * and 4 and then becomes the JVM, so that nothing a task or native code prints can get between two
 * frames. It also makes the worker ignore Ctrl-C, which reaches the whole process group, so that
 * the pool can decide what happens to running tasks.
 *
 * <p>Elsewhere (Windows) the worker is started directly and the protocol stays on standard input
 * and output; the worker sends what tasks print to standard error.
 *
 * <p>The end of the pipe from the pool tells a worker that the pool is gone, however that ended.
 *
 * <p>All arguments of the JVM are in a file that only the owner can read: a class path may be
 * longer than a command line can be. The worker deletes it as soon as it runs.
 *
 * <p>Used by one thread, but for the constructor.
 */
final class WorkerCommand {
  private static final String SHELL = "/bin/sh";

  /** Runs "$0" with the pipes of standard input and output as descriptors 3 and 4. */
  private static final String MOVE_DESCRIPTORS =
      "trap \"\" INT; exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >&2";

  private final PoolOptions options;
  private final Path java;
  private final AotCache cache;
  private boolean movesDescriptors;

  /** What is the same for all workers, quoted; null until it was needed. */
  private @Nullable String arguments;

  WorkerCommand(PoolOptions options, AotCache cache) {
    this.options = options;
    this.cache = cache;
    this.java = WorkerJvm.launcher();
  }

  /** A started worker, the file to delete when it has read it, and whether it uses the cache. */
  record Started(Process process, Path arguments, boolean cached) {}

  /** Does once what all starts need, and what the first one of a JVM is slow at. */
  void prepare() {
    if (arguments == null) {
      movesDescriptors = Files.isExecutable(Path.of(SHELL)) && Files.exists(Path.of("/dev/fd"));
      StringBuilder quoted = new StringBuilder();
      for (String argument : WorkerJvm.options(options, movesDescriptors)) {
        quoted.append(quote(argument)).append('\n');
      }
      arguments = quoted.toString();
      var _ = cache.usable();
      loadProcessClasses();
    }
  }

  private static void loadProcessClasses() {
    var _ = ProcessHandle.current();
    try {
      var _ = Class.forName("java.lang.ProcessImpl");
    } catch (ClassNotFoundException another) {
      // Then the first start loads it.
    }
  }

  /** Starts one worker. Called by one thread, which must live as long as the worker. */
  Started start(int workerId) throws IOException {
    prepare();
    Path usable = cache.usable();
    String own = quote("-D" + WorkerMain.MARKER + "=" + workerId) + "\n";
    if (usable != null) {
      own += quote("-XX:AOTCache=" + usable) + "\n";
    }
    Path file =
        PrivateFile.write(
            "bouncer-" + ProcessHandle.current().pid() + "-worker-" + workerId,
            (arguments + own).getBytes(nativeCharset()));
    try {
      List<String> command = new ArrayList<>();
      if (movesDescriptors) {
        command.addAll(List.of(SHELL, "-c", MOVE_DESCRIPTORS));
      }
      command.addAll(
          List.of(java.toString(), "@" + file, WorkerMain.class.getName(), file.toString()));
      return new Started(new ProcessBuilder(command).start(), file, usable != null);
    } catch (IOException | RuntimeException | Error failure) {
      Files.deleteIfExists(file);
      throw failure;
    }
  }

  /** A worker has ended; {@code spoke} tells whether it got as far as to greet its pool. */
  void ended(Started worker, boolean spoke) {
    cache.ended(worker.cached(), spoke);
  }

  String describeAotCache() {
    return cache.describe();
  }

  /**
   * Quotes one argument for an argument file: spaces, and backslashes of Windows, stay as they are.
   */
  static String quote(String argument) {
    String escaped =
        argument
            .replace("\\", "\\\\")
            .replace("\"", "\\\"")
            .replace("\n", "\\n")
            .replace("\r", "\\r");
    return "\"" + escaped + "\"";
  }

  /** The launcher of the JDK reads argument files in the platform's own encoding. */
  private static Charset nativeCharset() {
    return Charset.forName(System.getProperty("sun.jnu.encoding", Charset.defaultCharset().name()));
  }
}
