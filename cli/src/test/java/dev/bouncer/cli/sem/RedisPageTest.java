package dev.bouncer.cli.sem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.cli.Tool;
import dev.bouncer.redis.server.RealRedis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The quick start of docs/redis.md, as it is printed there; only the port is another one. */
@Timeout(180)
class RedisPageTest {
  private static final Path PAGE = Path.of("..", "docs", "redis.md");
  private static final String PORT_OF_THE_PAGE = "6379";

  @TempDir private Path folder = Path.of("");

  @Test
  void quickStart_commands_runAsPrinted() throws Exception {
    String commands =
        Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(PAGE))
            .results()
            .findFirst()
            .orElseThrow()
            .group(1);
    assertEquals(3, commands.lines().count());
    assertTrue(commands.contains(PORT_OF_THE_PAGE));
    // Redis is up before a person has typed the next line.
    program(
        "redis-server",
        "echo $$ > server.pid\nexec %s \"$@\" > server.log 2>&1"
            .formatted(quoted(RealRedis.executable())));
    program(
        "bouncer",
        "until grep -qs 'Ready to accept' server.log; do sleep 0.05; done\nexec %s \"$@\""
            .formatted(
                Tool.commandLine().stream()
                    .map(RedisPageTest::quoted)
                    .collect(Collectors.joining(" "))));
    ProcessBuilder shell =
        new ProcessBuilder(
                "sh", "-c", commands.replace(PORT_OF_THE_PAGE, "" + RealRedis.freePort()))
            .directory(folder.toFile())
            .redirectError(folder.resolve("errors").toFile())
            .redirectOutput(folder.resolve("output").toFile());
    shell.environment().merge("PATH", folder.toString(), (path, here) -> here + ":" + path);
    Process process = shell.start();
    try {
      assertTrue(process.waitFor(2, TimeUnit.MINUTES), "the quick start hangs: " + output());
      assertEquals(0, process.exitValue(), output()::toString);
      assertEquals(
          Stream.concat(
                  Stream.of("one of at most two, on however many machines"),
                  IntStream.rangeClosed(1, 100).mapToObj(Integer::toString))
              .sorted()
              .toList(),
          output().stream().sorted().toList());
    } finally {
      process.destroyForcibly();
      Path pid = folder.resolve("server.pid");
      if (Files.exists(pid)) {
        RealRedis.signal(Long.parseLong(Files.readString(pid).strip()), "KILL");
      }
    }
  }

  private List<String> output() throws IOException {
    return Files.readAllLines(folder.resolve("output"));
  }

  private void program(String name, String lines) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, "#!/bin/sh\n" + lines + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
  }

  private static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }
}
