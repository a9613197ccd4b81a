package dev.bouncer.process;

import dev.bouncer.process.worker.WorkerMain;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The JVM that workers run in: its launcher, and the options that all workers of a pool get. */
final class WorkerJvm {
  private WorkerJvm() {}

  /**
   * Finds the launcher of the JDK that runs this JVM.
   *
   * @throws IllegalStateException if it is not there
   */
  static Path launcher() {
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

  /** Returns the options of the JVM; the pool's own first, so that the user's win. */
  static List<String> options(PoolOptions options, boolean movesDescriptors) {
    List<String> arguments = new ArrayList<>(collector(options));
    arguments.add("-XX:ActiveProcessorCount=1");
    arguments.add(
        options.maxHeapBytes().isPresent()
            ? "-Xmx" + options.maxHeapBytes().getAsLong()
            : "-XX:MaxRAMPercentage=" + Math.max(1.0, 60.0 / options.maxWorkers()));
    arguments.addAll(
        List.of(
            "-XX:InitialRAMPercentage=0.2", // a worker that needs little takes little
            "-Xss512k",
            "-XX:-UsePerfData",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:ArchiveRelocationMode=0", // classes are mapped, not copied: saves 5 MB a worker
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:+UseCountedLoopSafepoints", // a worker must be able to halt inside a counted loop
            "-XX:LoopStripMiningIter=1000",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:+DisplayVMOutputToStderr",
            "-Xlog:disable",
            "-Xlog:all=error,aot*=off,cds*=off:stderr", // a cache that does not fit is no error
            "-Dstdout.encoding=UTF-8",
            "-Dstderr.encoding=UTF-8"));
    arguments.addAll(options.jvmOptions());
    arguments.add("-D" + WorkerMain.MAX_FRAME + "=" + options.maxMessageBytes());
    if (!options.codecs().describe().isEmpty()) {
      arguments.add("-D" + WorkerMain.CODECS + "=" + options.codecs().describe());
    }
    if (!movesDescriptors) {
      arguments.add("-D" + WorkerMain.CHANNEL + "=stdio");
    }
    arguments.add("-cp");
    arguments.add(WorkerClassPath.of(options.classPath()));
    return arguments;
  }

  /** Returns the pool's choice of a collector, unless the user has one: a JVM takes only one. */
  static List<String> collector(PoolOptions options) {
    for (String option : options.jvmOptions()) {
      if (option.startsWith("-XX:+Use") && option.endsWith("GC")) {
        return List.of();
      }
    }
    return List.of("-XX:+UseSerialGC");
  }
}
