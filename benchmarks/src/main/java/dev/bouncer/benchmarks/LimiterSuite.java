package dev.bouncer.benchmarks;

import static dev.bouncer.benchmarks.Table.number;
import static dev.bouncer.benchmarks.Table.range;
import static dev.bouncer.benchmarks.Table.ratio;

import dev.bouncer.benchmarks.AdaptiveSimulation.Run;
import dev.bouncer.benchmarks.AdaptiveSimulation.Service;
import dev.bouncer.benchmarks.Rounds.Figures;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.LongStream;

/** Rate, keyed and adaptive limiters against their peers. */
final class LimiterSuite {
  private static final String OURS = "BOUNCER";
  private static final List<String> RATES = List.of(OURS, "GUAVA", "BUCKET4J", "RESILIENCE4J");
  private static final int ROUNDS = 5;

  /**
   * What is looked up lies elsewhere in each JVM, which makes more of a difference than the code.
   */
  private static final int LOOKUP_ROUNDS = 9;

  /** The simulations are run with so many seeds; their medians are shown. */
  private static final int SEEDS = 5;

  private LimiterSuite() {}

  static Table run() throws Exception {
    Table table = new Table("Limiters: medians of interleaved rounds (least–most)");
    againstTheBest(table, "L1", "RateLimiter.tryAcquire, uncontended", RateTryAcquire.class, "ns");
    againstTheBest(
        table, "L2", "1,000 virtual threads in line, processor time", RateInLine.class, "ns");
    accuracy(table);
    keys(table);
    simulation(table);
    return table;
  }

  private static void againstTheBest(
      Table table, String id, String what, Class<?> program, String unit) throws Exception {
    Map<String, Figures> figures = new Rounds(ROUNDS).measure(program, List.of(), RATES);
    Figures ours = of(figures, OURS);
    String best =
        RATES.stream()
            .filter(name -> !name.equals(OURS))
            .min(Comparator.comparingDouble(name -> of(figures, name).median()))
            .orElseThrow();
    double ratio = ours.median() / of(figures, best).median();
    table.add(
        id,
        what,
        range(ours, unit),
        best + " " + range(of(figures, best), unit),
        ratio(ratio),
        "<= 1.00x",
        ratio <= 1.0);
    for (String name : RATES) {
      if (!name.equals(OURS) && !name.equals(best)) {
        Figures other = of(figures, name);
        table.addPeer(
            id, "", "", name + " " + range(other, unit), ratio(ours.median() / other.median()));
      }
    }
  }

  private static void accuracy(Table table) throws Exception {
    Figures error = of(new Rounds(1).measure(RateAccuracy.class, List.of(), List.of(OURS)), OURS);
    table.add(
        "L3",
        "error of 1,000 a second over 15 s, 100 threads in line",
        String.format(Locale.ROOT, "%.4f %%", error.median()),
        "",
        "",
        "<= 0.1 %",
        error.median() <= 0.1);
  }

  private static void keys(Table table) throws Exception {
    Map<String, Figures> lookup =
        new Rounds(LOOKUP_ROUNDS).measure(KeyedLookup.class, List.of(), List.of("keyed", "map"));
    double ratio = of(lookup, "keyed").median() / of(lookup, "map").median();
    table.add(
        "L4",
        "acquire + close of a busy key among 1,000,000",
        range(of(lookup, "keyed"), "ns"),
        "ConcurrentHashMap.get " + range(of(lookup, "map"), "ns"),
        ratio(ratio),
        "<= 1.30x",
        ratio <= 1.3);
    Map<String, Figures> heap =
        new Rounds(1, "-Xmx2g", "-XX:+UseSerialGC")
            .measure(KeyedHeap.class, List.of(), List.of("full", "evicted"));
    table.addPeer(
        "L5", "heap of a key with its semaphore", number(of(heap, "full").median()) + " B", "", "");
    table.add(
        "L5",
        "the same after eviction",
        number(of(heap, "evicted").median()) + " B",
        "",
        "",
        "<= 0.1 B",
        of(heap, "evicted").median() <= 0.1);
  }

  private static void simulation(Table table) throws Exception {
    for (Service service : Service.values()) {
      String what = "service that " + service.name().toLowerCase(Locale.ROOT).replace('_', ' ');
      for (AdaptiveContender contender : AdaptiveContender.values()) {
        List<Run> runs =
            LongStream.rangeClosed(1, SEEDS)
                .mapToObj(seed -> AdaptiveSimulation.run(contender, service, seed))
                .toList();
        double heal = median(runs, Run::healSeconds);
        String figures =
            String.format(
                Locale.ROOT,
                "%s: throughput %.1f %%, p99 %.0f ms, refused %.2f %%, healed %s",
                contender,
                100 * median(runs, Run::throughput),
                median(runs, Run::p99Millis),
                median(runs, Run::refusals),
                Double.isInfinite(heal) ? "never" : String.format(Locale.ROOT, "in %.1f s", heal));
        boolean ours = contender.name().startsWith(OURS);
        table.addPeer("L6", what, ours ? figures : "", ours ? "" : figures, "");
      }
    }
    Path picture = Path.of("docs", "adaptive-limiters.svg");
    if (Files.isDirectory(picture.getParent())) {
      Files.writeString(picture, AdaptivePicture.draw());
    }
  }

  private static double median(List<Run> runs, ToDoubleFunction<Run> figure) {
    return runs.stream().mapToDouble(figure).sorted().toArray()[runs.size() / 2];
  }

  private static Figures of(Map<String, Figures> all, String name) {
    Figures figures = all.get(name);
    if (figures == null) {
      throw new IllegalArgumentException("no figures: contender=" + name);
    }
    return figures;
  }
}
