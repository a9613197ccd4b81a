package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ten million inputs in a JVM with a heap of 64 MB. */
@Tag("deep")
class MappingMemoryTest {
  private static final int INPUTS = 10_000_000;

  @ParameterizedTest
  @ValueSource(strings = {"ordered", "unordered"})
  void over_tenMillionInputs_boundedMemoryAndLinearTime(String order) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx64m", "-XX:+UseSerialGC", "-cp"));
    command.add(
        classesOf(ThreadPool.class) + File.pathSeparator + classesOf(MappingMemoryTest.class));
    command.addAll(List.of(Program.class.getName(), order));
    Process child =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, child.waitFor(), output);
    String[] figures = output.strip().split(" ", -1);
    assertEquals((long) INPUTS * (INPUTS - 1) / 2, Long.parseLong(figures[0]));
    long firstHalf = Long.parseLong(figures[1]);
    long secondHalf = Long.parseLong(figures[2]);
    assertTrue(secondHalf < 5 * firstHalf, "nanoseconds: " + output);
  }

  /** The folder that a class of this package was loaded from. */
  private static String classesOf(Class<?> type) throws Exception {
    var file = Objects.requireNonNull(type.getResource(type.getSimpleName() + ".class"));
    return Path.of(file.toURI()).resolve("../../..").normalize().toString();
  }

  /** What the child runs: prints the sum of the results and the time of each half. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      Iterable<Integer> inputs =
          () ->
              new Iterator<>() {
                private int next;

                @Override
                public boolean hasNext() {
                  return next < INPUTS;
                }

                @Override
                public Integer next() {
                  return next++;
                }
              };
      try (var pool = ThreadPool.of(8)) {
        Mapping<Integer, Integer> mapping = pool.mapping(input -> input);
        Stream<Integer> results =
            (args[0].equals("ordered") ? mapping : mapping.unordered()).over(inputs);
        long[] sumAndCount = new long[2];
        long[] times = {System.nanoTime(), 0, 0};
        results.forEach(result -> {
          sumAndCount[0] += result;
          if (++sumAndCount[1] == INPUTS / 2) {
            times[1] = System.nanoTime();
          }
        });
        times[2] = System.nanoTime();
        System.out.println(
            sumAndCount[0] + " " + (times[1] - times[0]) + " " + (times[2] - times[1]));
      }
    }
  }
}
