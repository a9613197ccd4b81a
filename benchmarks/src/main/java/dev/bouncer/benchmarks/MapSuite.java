package dev.bouncer.benchmarks;

import static dev.bouncer.benchmarks.Table.number;
import static dev.bouncer.benchmarks.Table.range;
import static dev.bouncer.benchmarks.Table.ratio;

import dev.bouncer.benchmarks.Rounds.Figures;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Targets M1 to M4: {@code Pool.map} against its peers. */
final class MapSuite {
  private static final String OURS = "BOUNCER";
  private static final List<String> STREAMS =
      List.of(OURS, "MAP_CONCURRENT", "PARALLEL_COLLECTORS", "REACTOR");
  private static final String TEN_MILLION = "10000000";

  private MapSuite() {}

  static Table run() throws Exception {
    Table table = new Table("Pool.map: medians of interleaved rounds (least–most)");
    tinyTasks(table);
    slowInEight(table);
    slowSource(table);
    lateFailure(table);
    manyInputs(table);
    return table;
  }

  private static void tinyTasks(Table table) throws Exception {
    Map<String, Figures> nanos =
        new Rounds(5)
            .measure(
                TinyTasks.class,
                List.of(),
                List.of(
                    OURS,
                    "FIXED_POOL_VIRTUAL",
                    "FIXED_POOL_PLATFORM",
                    "MAP_CONCURRENT",
                    "PARALLEL_COLLECTORS",
                    "REACTOR"));
    String best = best(nanos, Comparator.naturalOrder());
    double ratio = median(nanos, OURS) / median(nanos, best);
    table.add(
        "M1",
        "100,000 tiny tasks, 64 at once, in order: a task",
        range(figures(nanos, OURS), "ns"),
        best + " " + range(figures(nanos, best), "ns"),
        ratio(ratio),
        "<= 1.00x",
        ratio <= 1.0);
    addPeers(table, "M1", nanos, best, "ns");
  }

  private static void slowInEight(Table table) throws Exception {
    Map<String, Figures> mean = new Rounds(5).measure(SlowInEight.class, List.of(), STREAMS);
    String best = best(mean, Comparator.reverseOrder());
    table.add(
        "M2",
        "one slow task in eight, 8 at once: mean running",
        range(figures(mean, OURS), ""),
        best + " " + range(figures(mean, best), ""),
        "",
        ">= 7.5",
        median(mean, OURS) >= 7.5);
    addPeers(table, "M2", mean, best, "");
  }

  private static void slowSource(Table table) throws Exception {
    Map<String, Figures> millis = new Rounds(5).measure(SlowSource.class, List.of(), STREAMS);
    String best = best(millis, Comparator.naturalOrder());
    table.add(
        "M3",
        "result ready at 50 ms, next input at 2 s: emitted at",
        range(figures(millis, OURS), "ms"),
        best + " " + range(figures(millis, best), "ms"),
        "",
        "<= 60 ms",
        median(millis, OURS) <= 60);
    addPeers(table, "M3", millis, best, "ms");
  }

  private static void lateFailure(Table table) throws Exception {
    Map<String, Figures> ours = new Rounds(5).measure(LateFailure.class, List.of(), List.of(OURS));
    Map<String, Figures> peer =
        new Rounds(1).measure(LateFailure.class, List.of(), List.of("MAP_CONCURRENT"));
    table.add(
        "M5",
        "a failure beside eight tasks of 10 s: thrown after",
        range(figures(ours, OURS), "ms"),
        "MAP_CONCURRENT " + number(median(peer, "MAP_CONCURRENT")) + " ms (one round)",
        "",
        "< 50 ms",
        median(ours, OURS) < 50);
  }

  private static void manyInputs(Table table) throws Exception {
    double heap =
        median(
            new Rounds(1).measure(ManyInputs.class, List.of("heap", TEN_MILLION), List.of(OURS)),
            OURS);
    double halves =
        median(
            new Rounds(3, "-Xmx64m")
                .measure(ManyInputs.class, List.of("time", TEN_MILLION), List.of(OURS)),
            OURS);
    table.add(
        "M4",
        "10 million inputs: live heap",
        number(heap) + " MiB",
        "",
        "",
        "<= 32 MiB",
        heap <= 32);
    table.add(
        "M4",
        "10 million inputs, -Xmx64m: second half by first half",
        ratio(halves),
        "",
        "",
        "<= 1.50x",
        halves <= 1.5);
  }

  private static void addPeers(
      Table table, String id, Map<String, Figures> figures, String best, String unit) {
    figures.forEach((name, other) -> {
      if (!name.equals(OURS) && !name.equals(best)) {
        table.addPeer(
            id,
            "",
            "",
            name + " " + range(other, unit),
            ratio(median(figures, OURS) / other.median()));
      }
    });
  }

  private static String best(Map<String, Figures> figures, Comparator<Double> order) {
    return figures.keySet().stream()
        .filter(name -> !name.equals(OURS))
        .min(Comparator.comparing(name -> median(figures, name), order))
        .orElseThrow();
  }

  private static double median(Map<String, Figures> figures, String name) {
    return figures(figures, name).median();
  }

  private static Figures figures(Map<String, Figures> figures, String name) {
    return Objects.requireNonNull(figures.get(name), name);
  }
}
