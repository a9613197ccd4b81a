package dev.bouncer.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The process pool beside those of Python and Node, if they are there: one program each, run in
 * turn, each in a process of its own. Every program prints its figures as {@code name value} lines.
 */
final class ProcessSuite {
  private static final int ROUNDS = 5;

  private record Target(
      String id, String what, String figure, String unit, boolean moreIsBetter, double target) {}

  private static final List<Target> TARGETS =
      List.of(
          new Target("P1", "pool(2) to first result, cold", "first_ms", "ms", false, 70),
          new Target("P2", "first 20,000 tasks of a cold pool", "cold20k", "/s", true, 300_000),
          new Target("P3", "tiny tasks, submit and get, 1 M", "submit1M", "/s", true, 3_000_000),
          new Target(
              "P4", "map of 200,000 tiny tasks, no chunk size", "map", "/s", true, 3_000_000),
          new Target("P5", "round trip p50", "rtt50_us", "µs", false, 5),
          new Target("P6", "round trip p99", "rtt99_us", "µs", false, 50),
          new Target("P7", "1 MB there and back", "mb_ms", "ms", false, 0.7),
          new Target("P8", "kill -9 to failed future", "kill_ms", "ms", false, 5),
          new Target("P9", "kill -9 to result from its successor", "heal_ms", "ms", false, 70),
          new Target("P10", "close of an idle pool", "close_ms", "ms", false, 60),
          new Target("P11", "private memory of an idle worker", "private_mb", "MB", false, 13),
          new Target("P12", "CPU of all processes, a tiny task", "cpu_ns", "ns", false, 700));

  private ProcessSuite() {}

  static Table run() throws Exception {
    Map<String, List<String>> contenders = new LinkedHashMap<>();
    contenders.put(
        "bouncer",
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            ProcessPoolProgram.class.getName()));
    Path folder = Files.createTempDirectory("bouncer-bench-");
    try {
      addScript(contenders, folder, "python3", "process_pool.py");
      addScript(contenders, folder, "node", "process_pool.js");
      return table(measure(contenders));
    } finally {
      try (var files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }

  private static void addScript(
      Map<String, List<String>> contenders, Path folder, String interpreter, String script)
      throws IOException {
    try {
      if (new ProcessBuilder(interpreter, "--version").start().onExit().join().exitValue() != 0) {
        return;
      }
    } catch (IOException notInstalled) {
      return;
    }
    Path file = folder.resolve(script);
    try (var source = ProcessSuite.class.getResourceAsStream(script)) {
      if (source == null) {
        throw new IOException("script must be on the class path: name=" + script);
      }
      Files.copy(source, file);
    }
    contenders.put(interpreter, List.of(interpreter, file.toString()));
  }

  private static Map<String, Map<String, List<Double>>> measure(
      Map<String, List<String>> contenders) throws IOException, InterruptedException {
    Map<String, Map<String, List<Double>>> figures = new LinkedHashMap<>();
    for (int round = 1; round <= ROUNDS; round++) {
      for (var contender : contenders.entrySet()) {
        Map<String, List<Double>> own =
            figures.computeIfAbsent(contender.getKey(), _ -> new LinkedHashMap<>());
        Process process =
            new ProcessBuilder(contender.getValue())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        process.getOutputStream().close();
        for (String line : process.inputReader().lines().toList()) {
          String[] parts = line.split(" ", -1);
          own.computeIfAbsent(parts[0], _ -> new ArrayList<>()).add(Double.parseDouble(parts[1]));
        }
        if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
          throw new IOException("measurement failed: command=" + contender.getValue());
        }
        System.err.printf("process round %d of %d: %s%n", round, ROUNDS, contender.getKey());
      }
    }
    return figures;
  }

  private static Table table(Map<String, Map<String, List<Double>>> figures) {
    Table table =
        new Table("Process pools, 2 workers, medians of " + ROUNDS + " interleaved rounds");
    Map<String, List<Double>> ours = figures.getOrDefault("bouncer", Map.of());
    for (Target target : TARGETS) {
      List<Double> own = sorted(ours, target.figure);
      double median = own.get(own.size() / 2);
      boolean met = target.moreIsBetter ? median >= target.target : median <= target.target;
      boolean first = true;
      for (var peer : figures.entrySet()) {
        List<Double> theirs = sorted(peer.getValue(), target.figure);
        if (peer.getKey().equals("bouncer") || theirs.isEmpty()) {
          continue;
        }
        double other = theirs.get(theirs.size() / 2);
        String ratio = Table.ratio(target.moreIsBetter ? median / other : other / median);
        String peerText = peer.getKey() + " " + Table.number(other) + " " + target.unit;
        if (first) {
          add(table, target, own, peerText, ratio, met);
          first = false;
        } else {
          table.addPeer("", "", "", peerText, ratio);
        }
      }
      if (first) {
        add(table, target, own, "", "", met);
      }
    }
    return table;
  }

  private static void add(
      Table table, Target target, List<Double> own, String peer, String ratio, boolean met) {
    table.add(
        target.id,
        target.what,
        Table.range(new Rounds.Figures(own), target.unit),
        peer,
        ratio,
        (target.moreIsBetter ? "≥ " : "≤ ") + Table.number(target.target) + " " + target.unit,
        met);
  }

  private static List<Double> sorted(Map<String, List<Double>> figures, String name) {
    List<Double> values = new ArrayList<>(figures.getOrDefault(name, List.of()));
    Collections.sort(values);
    return values;
  }
}
