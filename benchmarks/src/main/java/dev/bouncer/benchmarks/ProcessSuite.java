package dev.bouncer.benchmarks;

import dev.bouncer.Pool;
import dev.bouncer.process.ProcessPool;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The process pool beside those of Python and Node, if they are there: one program each, run in
 * turn, each in a process of its own. Every program prints its figures as {@code name value} lines.
 *
 * <p>Latencies depend on whether a processor must be woken, so everything is measured twice: with
 * all cores, and with parent and workers pinned to one core, where {@code taskset} is there.
 */
final class ProcessSuite {
  private static final int ROUNDS = 5;

  /** For what is only to be seen beside something else. */
  private static final double NO_TARGET = Double.NaN;

  /** Which cores the programs may use. */
  private record Regime(String suffix, String note, List<String> prefix) {}

  private record Target(
      String id, String what, String figure, String unit, boolean moreIsBetter, double target) {}

  private static final List<Target> TARGETS =
      List.of(
          new Target("P1", "pool(2) to first result, cold", "first_ms", "ms", false, 70),
          new Target(
              "P1b", "the same without an AOT cache", "first_uncached_ms", "ms", false, NO_TARGET),
          new Target("P1c", "a bare JVM, start to end", "bare_ms", "ms", false, NO_TARGET),
          new Target("P2", "first result, worker ready", "ready_us", "µs", false, 100),
          new Target("P3", "first 20,000 tasks of a cold pool", "cold20k", "/s", true, 300_000),
          new Target("P4", "tiny tasks, submit and get, 1 M", "submit1M", "/s", true, 3_000_000),
          new Target(
              "P5", "map of 200,000 tiny tasks, no chunk size", "map", "/s", true, 3_000_000),
          new Target("P5b", "numbers of a map, 100 an input", "map100", "/s", true, 10_000_000),
          new Target("P5c", "numbers of a map, 1,000 an input", "map1000", "/s", true, 25_000_000),
          new Target("P6", "round trip p50, idle cores", "rtt50_us", "µs", false, 5),
          new Target("P6b", "round trip p99, idle cores", "rtt99_us", "µs", false, NO_TARGET),
          new Target("P7", "round trip p99, busy cores", "rtt99_busy_us", "µs", false, 50),
          new Target("P7b", "round trip p50, busy cores", "rtt50_busy_us", "µs", false, NO_TARGET),
          new Target("P8", "1 MB there and back", "mb_ms", "ms", false, 0.7),
          new Target("P8b", "1 MB by handle, p50", "mb_handle_us", "µs", false, 15),
          new Target("P9", "kill -9 to failed future", "kill_ms", "ms", false, 5),
          new Target("P9b", "the same, first in its JVM", "kill_first_ms", "ms", false, NO_TARGET),
          new Target("P10", "kill -9 to result from its successor", "heal_ms", "ms", false, 70),
          new Target("P11", "timeout of 100 ms, late by", "timeout_ms", "ms", false, 5),
          new Target("P12", "pool killed, busy worker gone after", "orphan_ms", "ms", false, 50),
          new Target("P13", "private memory of an idle worker", "private_mb", "MB", false, 13),
          new Target("P14", "close of an idle pool", "close_ms", "ms", false, 60),
          new Target("P15", "CPU of all processes, a tiny task", "cpu_ns", "ns", false, 700));

  private ProcessSuite() {}

  static Table run() throws Exception {
    Map<String, List<String>> contenders = new LinkedHashMap<>();
    Path folder = Files.createTempDirectory("bouncer-bench-");
    List<String> ours =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Ddev.bouncer.process.aotCache=" + folder.resolve("caches"),
            "-cp",
            ownClassPath(),
            ProcessPoolProgram.class.getName());
    contenders.put("bouncer", ours);
    try {
      addScript(contenders, folder, "python3", "process_pool.py");
      addScript(contenders, folder, "node", "process_pool.js");
      Table table =
          new Table("Process pools, 2 workers, medians of " + ROUNDS + " interleaved rounds");
      List<Regime> regimes = regimes();
      var figures = measure(contenders, regimes);
      for (Regime regime : regimes) {
        fill(table, regime, figures.getOrDefault(regime, Map.of()));
      }
      return table;
    } finally {
      try (var files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /** The benchmarks and what they use of Bouncer: not the jars of the peers of other suites. */
  private static String ownClassPath() throws IOException {
    List<String> places = new ArrayList<>();
    for (Class<?> type : List.of(ProcessSuite.class, ProcessPool.class, Pool.class)) {
      try {
        places.add(
            Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString());
      } catch (URISyntaxException impossible) {
        throw new IOException(impossible);
      }
    }
    return String.join(File.pathSeparator, places);
  }

  private static List<Regime> regimes() throws IOException {
    Regime free = new Regime("", "", List.of());
    Path status = Path.of("/proc/self/status");
    if (!starts("taskset") || !Files.exists(status)) {
      return List.of(free);
    }
    String core =
        Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("Cpus_allowed_list:"))
            .map(line -> line.replaceAll("[^0-9]*([0-9]+).*", "$1"))
            .findFirst()
            .orElse("0");
    return List.of(free, new Regime("/1", ", one core", List.of("taskset", "-c", core)));
  }

  private static boolean starts(String program) {
    try {
      return new ProcessBuilder(program, "--version")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .onExit()
              .join()
              .exitValue()
          == 0;
    } catch (IOException notInstalled) {
      return false;
    }
  }

  private static void addScript(
      Map<String, List<String>> contenders, Path folder, String interpreter, String script)
      throws IOException {
    if (!starts(interpreter)) {
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

  private static Map<Regime, Map<String, Map<String, List<Double>>>> measure(
      Map<String, List<String>> contenders, List<Regime> regimes)
      throws IOException, InterruptedException {
    Map<Regime, Map<String, Map<String, List<Double>>>> figures = new LinkedHashMap<>();
    List<String> bouncer = contenders.getOrDefault("bouncer", List.of());
    run(with(bouncer, "train"), new LinkedHashMap<>());
    for (int round = 1; round <= ROUNDS; round++) {
      for (Regime regime : regimes) {
        var own = figures.computeIfAbsent(regime, _ -> new LinkedHashMap<>());
        var ours = own.computeIfAbsent("bouncer", _ -> new LinkedHashMap<>());
        run(pinned(regime, with(bouncer, "uncached")), ours);
        ours.computeIfAbsent("bare_ms", _ -> new ArrayList<>()).add(bare(regime));
        for (var contender : contenders.entrySet()) {
          run(
              pinned(regime, contender.getValue()),
              own.computeIfAbsent(contender.getKey(), _ -> new LinkedHashMap<>()));
          System.err.printf(
              "process round %d of %d: %s%s%n", round, ROUNDS, contender.getKey(), regime.note);
        }
      }
    }
    return figures;
  }

  private static List<String> pinned(Regime regime, List<String> command) {
    List<String> longer = new ArrayList<>(regime.prefix);
    longer.addAll(command);
    return longer;
  }

  private static List<String> with(List<String> command, String argument) {
    List<String> longer = new ArrayList<>(command);
    longer.add(argument);
    return longer;
  }

  /** How long a JVM takes that does nothing: no worker starts faster than most of this. */
  private static double bare(Regime regime) throws IOException, InterruptedException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<String> command =
        pinned(
            regime,
            List.of(java, "-XX:+UseSerialGC", "-cp", ownClassPath(), BareProgram.class.getName()));
    long begin = System.nanoTime();
    run(command, new LinkedHashMap<>());
    return (System.nanoTime() - begin) / 1e6;
  }

  /** Runs a program and adds the figures that it prints. */
  private static void run(List<String> command, Map<String, List<Double>> own)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    process.getOutputStream().close();
    for (String line : process.inputReader().lines().toList()) {
      String[] parts = line.split(" ", -1);
      own.computeIfAbsent(parts[0], _ -> new ArrayList<>()).add(Double.parseDouble(parts[1]));
    }
    if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
      throw new IOException("measurement failed: command=" + command);
    }
  }

  private static void fill(
      Table table, Regime regime, Map<String, Map<String, List<Double>>> figures) {
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
          add(table, target, regime, own, peerText, ratio, met);
          first = false;
        } else {
          table.addPeer("", "", "", peerText, ratio);
        }
      }
      if (first) {
        add(table, target, regime, own, "", "", met);
      }
    }
  }

  private static void add(
      Table table,
      Target target,
      Regime regime,
      List<Double> own,
      String peer,
      String ratio,
      boolean met) {
    String id = target.id + regime.suffix;
    String what = target.what + regime.note;
    String ours = Table.range(new Rounds.Figures(own), target.unit);
    if (Double.isNaN(target.target)) {
      table.addPeer(id, what, ours, peer, ratio);
    } else {
      String goal =
          (target.moreIsBetter ? "≥ " : "≤ ") + Table.number(target.target) + " " + target.unit;
      table.add(id, what, ours, peer, ratio, goal, met);
    }
  }

  private static List<Double> sorted(Map<String, List<Double>> figures, String name) {
    List<Double> values = new ArrayList<>(figures.getOrDefault(name, List.of()));
    Collections.sort(values);
    return values;
  }
}
