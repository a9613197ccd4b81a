package dev.bouncer.process;

import dev.bouncer.Pool;
import dev.bouncer.process.worker.WorkerMain;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The command line of a worker.
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
 */
final class WorkerCommand {
  private static final String SHELL = "/bin/sh";

  /** Runs "$0" with the pipes of standard input and output as descriptors 3 and 4. */
  private static final String MOVE_DESCRIPTORS =
      "trap \"\" INT; exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >&2";

  private final PoolOptions options;
  private final Path java;
  private final boolean movesDescriptors;

  WorkerCommand(PoolOptions options) {
    this.options = options;
    this.java = findJava();
    this.movesDescriptors = Files.isExecutable(Path.of(SHELL)) && Files.exists(Path.of("/dev/fd"));
  }

  /** A started worker, and the file that is to be deleted when it has read it. */
  record Started(Process process, Path arguments) {}

  /** Starts one worker. Called by one thread, which must live as long as the worker. */
  Started start(int workerId) throws IOException {
    Path arguments =
        Files.createTempFile(
            "bouncer-" + ProcessHandle.current().pid() + "-worker-" + workerId + "-",
            ".args"); // mode 0600
    try {
      Files.writeString(arguments, String.join("\n", jvmArguments(workerId)), nativeCharset());
      List<String> command = new ArrayList<>();
      if (movesDescriptors) {
        command.addAll(List.of(SHELL, "-c", MOVE_DESCRIPTORS));
      }
      command.addAll(
          List.of(
              java.toString(), "@" + arguments, WorkerMain.class.getName(), arguments.toString()));
      return new Started(new ProcessBuilder(command).start(), arguments);
    } catch (IOException | RuntimeException | Error failure) {
      Files.deleteIfExists(arguments);
      throw failure;
    }
  }

  private List<String> jvmArguments(int workerId) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:ActiveProcessorCount=1",
            options.maxHeapBytes().isPresent()
                ? "-Xmx" + options.maxHeapBytes().getAsLong()
                : "-XX:MaxRAMPercentage=" + Math.max(1.0, 60.0 / options.maxWorkers()),
            "-XX:InitialRAMPercentage=0.2", // a worker that needs little takes little
            "-Xss512k",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:+UseCountedLoopSafepoints", // a worker must be able to halt inside a counted loop
            "-XX:LoopStripMiningIter=1000",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:+DisplayVMOutputToStderr",
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
            "-Dstdout.encoding=UTF-8",
            "-Dstderr.encoding=UTF-8"));
    arguments.addAll(options.jvmOptions());
    arguments.add("-D" + WorkerMain.MARKER + "=" + workerId);
    arguments.add("-D" + WorkerMain.MAX_FRAME + "=" + options.maxMessageBytes());
    if (!movesDescriptors) {
      arguments.add("-D" + WorkerMain.CHANNEL + "=stdio");
    }
    arguments.add("-cp");
    arguments.add(classPath());
    return arguments.stream().map(WorkerCommand::quote).toList();
  }

  private String classPath() {
    Set<String> entries = new LinkedHashSet<>();
    addHome(entries, WorkerMain.class);
    addHome(entries, Pool.class);
    if (options.classPath().isEmpty()) {
      for (String property : List.of("java.class.path", "jdk.module.path")) {
        String path = System.getProperty(property, "");
        for (String entry : path.split(File.pathSeparator, -1)) {
          if (!entry.isEmpty()) {
            entries.add(Path.of(entry).toAbsolutePath().toString());
          }
        }
      }
    } else {
      options.classPath().forEach(entry -> entries.add(entry.toAbsolutePath().toString()));
    }
    return String.join(File.pathSeparator, entries);
  }

  /** Adds the jar or folder that a class was loaded from. */
  private static void addHome(Set<String> entries, Class<?> type) {
    CodeSource source = type.getProtectionDomain().getCodeSource();
    if (source != null && "file".equals(source.getLocation().getProtocol())) {
      try {
        entries.add(Path.of(source.getLocation().toURI()).toString());
      } catch (URISyntaxException notAFile) {
        throw new IllegalStateException("location of " + type + " must be a file", notAFile);
      }
    }
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

  private static Path findJava() {
    Path bin = Path.of(System.getProperty("java.home"), "bin");
    for (String name : List.of("java", "java.exe")) {
      Path java = bin.resolve(name);
      if (Files.isExecutable(java)) {
        return java;
      }
    }
    throw new IllegalStateException(
        "ProcessPool must find a java launcher to start workers with: looked in=" + bin);
  }
}
