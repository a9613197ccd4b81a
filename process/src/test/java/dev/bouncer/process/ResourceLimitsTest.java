package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs to which the system gives too little: every task ends, with its result or a reason. */
@Tag("deep")
@NullUnmarked
class ResourceLimitsTest {
  private static final int TASKS = 40;

  @TempDir Path folder;

  /** Runs tasks in a pool, and says how each of them ended. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) throws Exception {
      int done = 0;
      int failed = 0;
      try (ProcessPool pool =
          ProcessPool.builder().maxWorkers(2).output(WorkerOutput.DISCARD).build()) {
        List<CompletableFuture<Long>> all = new ArrayList<>();
        for (long i = 0; i < TASKS; i++) {
          try {
            all.add(pool.submit(Tasks::square, i));
          } catch (RejectedExecutionException broken) {
            failed++;
          }
        }
        for (CompletableFuture<Long> each : all) {
          try {
            var _ = each.get();
            done++;
          } catch (ExecutionException reason) {
            if (!(reason.getCause() instanceof WorkerStartException)) {
              throw reason;
            }
            failed++;
          }
        }
      }
      Files.writeString(Path.of(arguments[0]), done + " " + failed);
      System.exit(0);
    }
  }

  @Test
  void descriptors_thatAreFew_endEveryTaskAndTheProgram() throws Exception {
    for (int limit : new int[] {8, 10, 12, 14, 16, 18, 20, 24, 32, 64}) {
      Path said = folder.resolve("said" + limit);
      Path output = folder.resolve("output" + limit);
      Process program =
          new ProcessBuilder(
                  "/bin/sh",
                  "-c",
                  "ulimit -n " + limit + "; exec \"$0\" \"$@\"",
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:+UseSerialGC",
                  "-Ddev.bouncer.process.aotCache=off",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Program.class.getName(),
                  said.toString())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      try {
        assertTrue(program.waitFor(120, TimeUnit.SECONDS), "limit " + limit + " hangs");
        if (Files.exists(said)) { // else not even the JVM got what it needs
          String[] ends = Files.readString(said).split(" ", -1);
          assertEquals(
              TASKS, Integer.parseInt(ends[0]) + Integer.parseInt(ends[1]), "limit " + limit);
          assertEquals(0, program.exitValue(), "limit " + limit);
        } else {
          assertTrue(program.exitValue() != 0, "limit " + limit);
        }
        System.out.println(
            "ulimit -n "
                + limit
                + ": "
                + (Files.exists(said)
                    ? "results and failures: " + Files.readString(said)
                    : "not even a JVM"));
      } finally {
        program.descendants().forEach(ProcessHandle::destroyForcibly);
        program.destroyForcibly();
      }
    }
  }
}
