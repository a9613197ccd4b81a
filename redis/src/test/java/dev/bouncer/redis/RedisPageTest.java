package dev.bouncer.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.redis.server.RealRedis;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program of docs/redis.md, as it is printed there; only the port is another one. */
@Timeout(180)
class RedisPageTest {
  private static final Path PAGE = Path.of("..", "docs", "redis.md");

  @TempDir private Path folder = Path.of("");

  @Test
  void quickStart_program_runsAsPrinted() throws Exception {
    String code =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(PAGE))
            .results()
            .findFirst()
            .orElseThrow()
            .group(1);
    assertTrue(code.contains("localhost:6379") && code.contains("callTheApi("), code);
    try (RealRedis redis = RealRedis.start()) {
      Path program = folder.resolve("QuickStart.java");
      Files.writeString(
          program,
          """
          import dev.bouncer.redis.*;

          void main() throws Exception {
          %s
          }

          void callTheApi(long token) {
            System.out.println("called " + (token > 0));
          }
          """
              .formatted(code.replace("localhost:6379", "localhost:" + redis.port())));
      Path output = folder.resolve("output");
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  program.toString())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      try {
        assertTrue(process.waitFor(2, TimeUnit.MINUTES), "it does not end by itself");
        assertEquals("called true\n", Files.readString(output));
        assertEquals(0, process.exitValue());
      } finally {
        process.destroyForcibly();
      }
    }
  }
}
