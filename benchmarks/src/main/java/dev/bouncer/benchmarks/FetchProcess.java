package dev.bouncer.benchmarks;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/** The command {@code bouncer fetch} as its users run it, fed with URLs until it has enough. */
final class FetchProcess implements AutoCloseable {
  /** Where the launcher of the command line tool is. */
  private static final String LAUNCHER = System.getProperty("bouncer.launcher", "./bouncer");

  private final Path folder = Files.createTempDirectory("bouncer-bench-");
  private final Process process;

  private FetchProcess(List<String> options) throws IOException {
    List<String> command = new ArrayList<>(List.of(LAUNCHER, "fetch", "-o", folder.toString()));
    command.addAll(options);
    process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(folder.resolve(".errors").toFile())
            .start();
  }

  /** Builds the tool and what makes it start fast, if that was not done yet. */
  static void warmUp() throws IOException, InterruptedException {
    int code = new ProcessBuilder(LAUNCHER, "--version").inheritIO().start().waitFor();
    if (code != 0) {
      throw new IOException("launcher must work: bouncer.launcher=" + LAUNCHER + " code=" + code);
    }
  }

  /** Starts the command; it gets so many URLs. */
  static FetchProcess start(List<String> options, int urls, IntFunction<String> url)
      throws IOException {
    FetchProcess fetch = new FetchProcess(options);
    Thread.ofVirtual()
        .start(() -> {
          try (BufferedWriter stdin = fetch.process.outputWriter()) {
            for (int i = 0; i < urls; i++) {
              stdin.write(url.apply(i) + "\n");
            }
          } catch (IOException enough) {
            // The command has ended.
          }
        });
    return fetch;
  }

  /** Waits for the end of the command and returns its exit code. */
  int join(long seconds) throws IOException, InterruptedException {
    if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
      throw new IOException("command must end: seconds=" + seconds);
    }
    return process.exitValue();
  }

  void requireRunning() throws IOException {
    if (!process.isAlive()) {
      throw new IOException("command must run: code=" + process.exitValue() + "\n" + errors());
    }
  }

  /** What it said: the summary at the end. */
  String errors() throws IOException {
    return Files.readString(folder.resolve(".errors"));
  }

  /** Ends the command and removes what it fetched. */
  @Override
  public void close() throws IOException {
    process.destroy();
    try {
      process.onExit().get(30, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException hanging) {
      process.destroyForcibly().onExit().join();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(file -> {
            try {
              Files.delete(file);
            } catch (IOException undeletable) {
              throw new UncheckedIOException(undeletable);
            }
          });
    }
  }
}
