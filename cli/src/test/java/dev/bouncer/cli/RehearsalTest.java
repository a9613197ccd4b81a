package dev.bouncer.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The launcher would go without a cache if it failed, and nobody would see that. */
@Timeout(180)
final class RehearsalTest {
  @TempDir private Path directory = Path.of("");

  @Test
  void rehearsal_runsJobsAndFetchesUrls_andEndsByItself() throws Exception {
    Path folder = directory.resolve("fetched");
    Process process =
        new ProcessBuilder(Tool.commandLine(Rehearsal.class, folder.toString()))
            .redirectErrorStream(true)
            .start();
    try {
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertTrue(process.waitFor(1, TimeUnit.MINUTES), output);
      assertEquals(0, process.exitValue(), output);
      assertTrue(
          new TreeSet<>(output.lines().toList()).containsAll(List.of("1", "2", "3", "4")), output);
      assertTrue(output.contains("2 fetched, 0 failed"), output);
    } finally {
      process.destroyForcibly();
    }
    File[] files = Objects.requireNonNull(folder.toFile().listFiles());
    assertEquals(2, files.length, List.of(files).toString());
  }
}
