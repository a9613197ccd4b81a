package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Pool;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** AOT caches: made once, used when they fit, never trusted blindly, never in the way. */
@NullUnmarked
class AotCacheTest {
  @TempDir static Path shared;
  @TempDir Path folder;

  /** The name of the cache that {@link #trained} made. */
  private static String cacheName;

  private static Path trained;
  private static String classPath;

  @BeforeAll
  static void train() throws Exception {
    Path jars = Files.createDirectory(shared.resolve("jars in a folder, grüße"));
    classPath =
        String.join(
            File.pathSeparator,
            jar(jars.resolve("process.jar"), ProcessPool.class),
            jar(jars.resolve("core.jar"), Pool.class),
            Path.of(AotProgram.class.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString());
    trained = shared.resolve("trained");
    List<String> output = run(trained, "train");
    assertTrue(output.contains("trained true"), output.toString());
    cacheName = names(trained).stream().filter(n -> n.endsWith(".aot")).findFirst().orElseThrow();
    assertTrue(output.contains("mapped " + cacheName), output.toString());
    assertTrue(output.stream().anyMatch(line -> line.contains("aotCache=in use")));
  }

  private static String jar(Path target, Class<?> member) throws Exception {
    Path home = Path.of(member.getProtectionDomain().getCodeSource().getLocation().toURI());
    if (Files.isRegularFile(home)) {
      Files.copy(home, target);
      return target.toString();
    }
    try (OutputStream file = Files.newOutputStream(target);
        JarOutputStream jar = new JarOutputStream(file);
        Stream<Path> classes = Files.walk(home)) {
      for (Path path : (Iterable<Path>) classes.filter(Files::isRegularFile)::iterator) {
        jar.putNextEntry(new JarEntry(home.relativize(path).toString()));
        Files.copy(path, jar);
      }
    }
    return target.toString();
  }

  private static ProcessBuilder program(Path caches, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseSerialGC", "-Ddev.bouncer.process.aotCache=" + caches));
    command.addAll(List.of("-cp", classPath, AotProgram.class.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true);
  }

  /** Runs the program to its end and returns what it printed. */
  private static List<String> run(Path caches, String... arguments) throws Exception {
    return run(program(caches, arguments));
  }

  private static List<String> run(ProcessBuilder program) throws Exception {
    Process process = program.start();
    process.getOutputStream().close();
    List<String> lines = process.inputReader(StandardCharsets.UTF_8).lines().toList();
    assertEquals(0, process.waitFor(), lines.toString());
    return lines;
  }

  private Path copyOfTheTrained() throws IOException {
    Path copy =
        Files.createDirectory(
            folder.resolve("caches"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Files.copy(trained.resolve(cacheName), copy.resolve(cacheName));
    Files.setPosixFilePermissions(
        copy.resolve(cacheName), PosixFilePermissions.fromString("rw-------"));
    return copy;
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private static void assertWorksWithout(List<String> output) {
    assertEquals(List.of("mapped none"), output);
  }

  @Test
  void trainAotCache_once_leavesOnePrivateFileThatEveryWorkerUses() throws Exception {
    assertEquals(
        "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(trained)));
    assertEquals(
        "rw-------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(trained.resolve(cacheName))));
    assertEquals(List.of(cacheName, cacheName + ".lock"), names(trained));
    String used = "mapped " + cacheName;
    assertEquals(List.of(used, used, used), run(trained, "run three"));
  }

  @Test
  @Tag("deep")
  void pool_thatIsIdle_trainsInTheBackground() throws Exception {
    List<String> output = run(folder.resolve("caches"), "idle");
    assertEquals(List.of("trained in the background"), output);
  }

  @Test
  @Tag("deep")
  void pool_closedWhileItTrains_leavesNothing() throws Exception {
    Path caches = folder.resolve("caches");
    List<String> output = run(caches, "interrupted");
    assertEquals(List.of("children 0", "trained false"), output.stream().sorted().toList());
    assertEquals(List.of(cacheName + ".lock"), names(caches));
  }

  @Test
  @Tag("deep")
  void parent_killedWhileItTrains_leavesNoProcess() throws Exception {
    Process process = program(folder.resolve("caches"), "hang").start();
    try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
      List<Long> children = new ArrayList<>();
      for (String line = lines.readLine(); !"hanging".equals(line); line = lines.readLine()) {
        assertTrue(line.startsWith("child "), line);
        children.add(Long.parseLong(line.substring("child ".length())));
      }
      assertFalse(children.isEmpty());
      process.destroyForcibly();
      for (long child : children) {
        Await.untilGone(child);
      }
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void cache_thatKillsTheJvm_isDeletedAndEveryTaskRuns() throws Exception {
    Path caches = copyOfTheTrained();
    try (RandomAccessFile file = new RandomAccessFile(caches.resolve(cacheName).toFile(), "rw")) {
      file.seek(1 << 20);
      file.write(new byte[6 << 20]);
    }
    List<String> output = run(caches, "run three");
    assertEquals(3, output.stream().filter("mapped none"::equals).count(), output.toString());
    assertFalse(Files.exists(caches.resolve(cacheName)));
  }

  @Test
  void cache_truncatedOrEmptyOrGarbage_isIgnoredInSilence() throws Exception {
    Path cache = copyOfTheTrained().resolve(cacheName);
    byte[] whole = Files.readAllBytes(cache);
    Files.write(cache, java.util.Arrays.copyOf(whole, whole.length / 2));
    assertWorksWithout(run(cache.getParent(), "run"));
    Files.write(cache, new byte[0]);
    assertWorksWithout(run(cache.getParent(), "run"));
    Files.write(cache, new byte[1 << 20]);
    assertWorksWithout(run(cache.getParent(), "run"));
  }

  @Test
  void cache_thatSomebodyElseCouldHaveWritten_isNotUsed() throws Exception {
    Path caches = copyOfTheTrained();
    Path cache = caches.resolve(cacheName);
    Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rw-rw----"));
    assertWorksWithout(run(caches, "run"));
    Files.setPosixFilePermissions(cache, PosixFilePermissions.fromString("rw-------"));
    Files.setPosixFilePermissions(caches, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertWorksWithout(run(caches, "run"));
    Files.setPosixFilePermissions(caches, PosixFilePermissions.fromString("rwx------"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), caches);
    assertWorksWithout(run(link, "run"));
    Files.delete(cache);
    Files.createSymbolicLink(cache, trained.resolve(cacheName));
    assertWorksWithout(run(caches, "run"));
  }

  @Test
  void folder_thatCannotBeMade_costsNothingAndIsNamed() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    List<String> output = run(file.resolve("caches"), "train");
    assertTrue(output.contains("trained false"), output.toString());
    assertTrue(output.contains("mapped none"), output.toString());
    assertTrue(output.toString().contains("aotCache=none yet: "), output.toString());
  }

  @Test
  void off_usesAndMakesNoCache() throws Exception {
    List<String> output = run(Path.of("off"), "train");
    assertEquals("trained false", output.getFirst());
    assertEquals("mapped none", output.get(1));
    assertTrue(output.get(2).endsWith("aotCache=off"), output.get(2));
  }

  @Test
  void jvmOptions_thatDoNotFitTheCache_startWorkersWithoutIt() throws Exception {
    assertWorksWithout(run(trained, "run", "-Xshare:auto"));
    assertWorksWithout(run(trained, "run", "-XX:+UseParallelGC"));
    assertWorksWithout(
        run(trained, "run", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-Xmx64m"));
  }

  @Test
  void environment_withAnOptionThatExcludesCaches_startsWorkersAndKeepsTheCache() throws Exception {
    Path caches = copyOfTheTrained();
    ProcessBuilder program = program(caches, "run");
    program.environment().put("JAVA_TOOL_OPTIONS", "-Dx=y -Xshare:auto");
    assertTrue(run(program).contains("mapped none"));
    assertTrue(Files.exists(caches.resolve(cacheName)));
  }

  @Test
  void name_ofACacheForAChangedJar_isAnother() throws Exception {
    Path jar = Files.write(folder.resolve("a.jar"), new byte[3 << 20]);
    FileTime time = Files.getLastModifiedTime(jar);
    String name = AotCache.nameFor(List.of(), List.of(jar));
    assertEquals(name, AotCache.nameFor(List.of(), List.of(jar)));
    assertNotEquals(name, AotCache.nameFor(List.of("-XX:+UseZGC"), List.of(jar)));
    try (RandomAccessFile file = new RandomAccessFile(jar.toFile(), "rw")) {
      file.seek((3 << 20) - 30_000);
      file.write(1);
    }
    Files.setLastModifiedTime(jar, time);
    assertNotEquals(name, AotCache.nameFor(List.of(), List.of(jar)));
    assertNull(AotCache.nameFor(List.of(), List.of(folder)));
  }

  @Test
  void publish_beyondTheBound_deletesTheOldestAndWhatWasLeftBehind() throws Exception {
    Path path = folder.resolve("caches");
    AotCacheFolder caches = new AotCacheFolder(path);
    caches.create();
    Instant now = Instant.now();
    for (int i = 0; i < 12; i++) {
      Path cache = Files.writeString(path.resolve("worker-" + i + ".aot"), "cache");
      Files.setLastModifiedTime(cache, FileTime.from(now.minus(Duration.ofDays(i + 1))));
    }
    Path stale = Files.writeString(path.resolve("training-1.notes"), "notes");
    Files.setLastModifiedTime(stale, FileTime.from(now.minus(Duration.ofDays(1))));
    Path fresh = Files.writeString(path.resolve("training-2.notes"), "notes");
    Path made = Files.writeString(path.resolve("training-2.made"), "cache");

    caches.publish(made, path.resolve("worker-new.aot"));

    List<String> left = names(path);
    assertEquals(8, left.stream().filter(name -> name.endsWith(".aot")).count());
    assertTrue(left.contains("worker-new.aot"));
    assertTrue(left.contains("worker-0.aot"));
    assertFalse(left.contains("worker-11.aot"));
    assertFalse(Files.exists(stale));
    assertTrue(Files.exists(fresh));
  }
}
