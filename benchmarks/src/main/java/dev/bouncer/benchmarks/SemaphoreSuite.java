package dev.bouncer.benchmarks;

import static dev.bouncer.benchmarks.Table.number;
import static dev.bouncer.benchmarks.Table.range;
import static dev.bouncer.benchmarks.Table.ratio;

import dev.bouncer.benchmarks.Rounds.Figures;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Targets S1 to S5: {@code AsyncSemaphore} against its peers. */
final class SemaphoreSuite {
  private static final String OURS = "BOUNCER";

  /** Those that serve first in, first out, as S2 asks. */
  private static final List<String> FAIR_PEERS = List.of("JUC_FAIR", "FAILSAFE", "RESILIENCE4J");

  private SemaphoreSuite() {}

  static Table run() throws Exception {
    Table table = new Table("AsyncSemaphore: medians of five interleaved rounds (least–most)");
    uncontended(table);
    handOver(table);
    storm(table);
    behindAQueue(table);
    heap(table);
    return table;
  }

  private static void uncontended(Table table) throws Exception {
    Map<String, Figures> nanos =
        new Rounds(5)
            .measure(
                AcquireRelease.class,
                List.of("pair", "time"),
                List.of(OURS, "JUC", "JUC_FAIR", "KOTLINX", "RESILIENCE4J", "FAILSAFE", "NETFLIX"));
    compare(table, "S1", "uncontended acquire + close", nanos, "ns", "JUC", 1.0);
    String escaping = "pairOfAnEscapingPermit";
    Figures figures =
        figures(
            new Rounds(5).measure(AcquireRelease.class, List.of(escaping, "time"), List.of(OURS)),
            OURS);
    table.addPeer("S1", "the same, if the permit escapes", range(figures, "ns"), "", "");
    double bytes =
        figures(
                new Rounds(1)
                    .measure(AcquireRelease.class, List.of(escaping, "bytes"), List.of(OURS)),
                OURS)
            .median();
    table.add("S1", "heap of that pair", number(bytes) + " B", "", "", "<= 24 B", bytes <= 24.5);
  }

  private static void handOver(Table table) throws Exception {
    Map<String, Figures> nanos =
        new Rounds(5)
            .measure(
                HandOver.class,
                List.of(),
                List.of(
                    HandOver.FLOOR,
                    OURS,
                    "BOUNCER_UNFAIR",
                    "JUC_FAIR",
                    "JUC",
                    "FAILSAFE",
                    "RESILIENCE4J"));
    Figures floor = Objects.requireNonNull(nanos.remove(HandOver.FLOOR));
    String best =
        FAIR_PEERS.stream()
            .min((a, b) -> Double.compare(figures(nanos, a).median(), figures(nanos, b).median()))
            .orElseThrow();
    compare(table, "S2", "1,000 virtual threads, 5 permits: a pair", nanos, "ns", best, 0.8);
    table.addPeer(
        "S2",
        "",
        "",
        "park, yield, unpark alone " + range(floor, "ns"),
        ratio(figures(nanos, OURS).median() / floor.median()));
  }

  private static void storm(Table table) throws Exception {
    double ours =
        figures(new Rounds(5).measure(TimeoutStorm.class, List.of("50000"), List.of(OURS)), OURS)
            .median();
    double juc =
        figures(
                new Rounds(1).measure(TimeoutStorm.class, List.of("50000"), List.of("JUC_FAIR")),
                "JUC_FAIR")
            .median();
    table.add(
        "S3",
        "50,000 virtual threads time out: the last returns late by",
        number(ours) + " ms",
        "JUC_FAIR " + number(juc) + " ms (one round)",
        ratio(ours / juc),
        "<= 1,500 ms",
        ours <= 1_500);
  }

  private static void behindAQueue(Table table) throws Exception {
    Map<String, Figures> none =
        new Rounds(5).measure(TimeoutBehindAQueue.class, List.of("0"), List.of(OURS, "JUC_FAIR"));
    Map<String, Figures> many =
        new Rounds(5)
            .measure(TimeoutBehindAQueue.class, List.of("50000"), List.of(OURS, "JUC_FAIR"));
    double ours = figures(many, OURS).median() / figures(none, OURS).median();
    double juc = figures(many, "JUC_FAIR").median() / figures(none, "JUC_FAIR").median();
    table.add(
        "S4",
        "one timeout behind 50,000 waiters against behind none",
        ratio(ours) + " of " + number(figures(none, OURS).median()) + " ns",
        "JUC_FAIR " + ratio(juc) + " of " + number(figures(none, "JUC_FAIR").median()) + " ns",
        "",
        "<= 2x",
        ours <= 2.0);
  }

  private static void heap(Table table) throws Exception {
    double bytes =
        figures(
                new Rounds(1, "-XX:+UseSerialGC")
                    .measure(WaiterHeap.class, List.of(), List.of(OURS)),
                OURS)
            .median();
    table.add(
        "S5",
        "heap of one queued async waiter",
        number(bytes) + " B",
        "",
        "",
        "<= 48 B",
        bytes <= 48.5);
  }

  private static void compare(
      Table table,
      String id,
      String what,
      Map<String, Figures> figures,
      String unit,
      String peer,
      double target) {
    Figures ours = figures(figures, OURS);
    double ratio = ours.median() / figures(figures, peer).median();
    table.add(
        id,
        what,
        range(ours, unit),
        peer + " " + range(figures(figures, peer), unit),
        ratio(ratio),
        "<= " + ratio(target),
        ratio <= target);
    figures.forEach((name, other) -> {
      if (!name.equals(OURS) && !name.equals(peer)) {
        table.addPeer(
            id, "", "", name + " " + range(other, unit), ratio(ours.median() / other.median()));
      }
    });
  }

  private static Figures figures(Map<String, Figures> all, String name) {
    Figures figures = all.get(name);
    if (figures == null) {
      throw new IllegalArgumentException("no figures: contender=" + name);
    }
    return figures;
  }
}
