package dev.bouncer.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures contenders in turn, A B C A B C …, each measurement in a JVM of its own, so that neither
 * the drift of a shared machine nor another contender's profile favours one of them.
 *
 * <p>A measured program is a class with a {@code main} whose last line of output is the figure.
 */
final class Rounds {
  private final int rounds;
  private final List<String> jvmFlags;

  Rounds(int rounds, String... jvmFlags) {
    this.rounds = rounds;
    this.jvmFlags = List.of(jvmFlags);
  }

  /** The figures of one contender. */
  record Figures(List<Double> sorted) {
    double median() {
      return sorted.get(sorted.size() / 2);
    }

    double least() {
      return sorted.getFirst();
    }

    double most() {
      return sorted.getLast();
    }
  }

  /** Runs {@code program} once a round for each contender, whose name is its last argument. */
  Map<String, Figures> measure(Class<?> program, List<String> arguments, List<String> contenders)
      throws IOException, InterruptedException {
    Map<String, Figures> figures = new LinkedHashMap<>();
    measureSeveral(program, arguments, contenders)
        .forEach((name, list) -> figures.put(name, list.getFirst()));
    return figures;
  }

  /** The same for a program whose last line has several figures with spaces between them. */
  Map<String, List<Figures>> measureSeveral(
      Class<?> program, List<String> arguments, List<String> contenders)
      throws IOException, InterruptedException {
    Map<String, List<List<Double>>> lines = new LinkedHashMap<>();
    contenders.forEach(contender -> lines.put(contender, new ArrayList<>()));
    for (int round = 1; round <= rounds; round++) {
      for (String contender : contenders) {
        List<Double> figures = measureOnce(program, arguments, contender);
        lines.getOrDefault(contender, new ArrayList<>()).add(figures);
        System.err.printf(
            "%s %s round %d of %d: %s %s%n",
            program.getSimpleName(), arguments, round, rounds, contender, figures);
      }
    }
    Map<String, List<Figures>> sorted = new LinkedHashMap<>();
    lines.forEach((name, list) -> {
      List<Figures> columns = new ArrayList<>();
      for (int column = 0; column < list.getFirst().size(); column++) {
        int index = column;
        columns.add(new Figures(list.stream().map(line -> line.get(index)).sorted().toList()));
      }
      sorted.put(name, columns);
    });
    return sorted;
  }

  private List<Double> measureOnce(Class<?> program, List<String> arguments, String contender)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvmFlags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(arguments);
    command.add(contender);
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int exit = process.waitFor();
    if (exit != 0) {
      throw new IOException("measurement failed: exit=" + exit + " command=" + command);
    }
    return Arrays.stream(output.lines().toList().getLast().strip().split(" "))
        .map(Double::valueOf)
        .toList();
  }
}
