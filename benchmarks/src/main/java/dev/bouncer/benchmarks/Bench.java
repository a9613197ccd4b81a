package dev.bouncer.benchmarks;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** {@code ./build bench [NAME]}: runs one suite of comparisons, or all of them. */
public final class Bench {
  private static final Map<String, Callable<Table>> SUITES = new LinkedHashMap<>();

  static {
    SUITES.put("semaphore", SemaphoreSuite::run);
    SUITES.put("limiters", LimiterSuite::run);
    SUITES.put("fetch", FetchSuite::run);
    SUITES.put("map", MapSuite::run);
    SUITES.put("process", ProcessSuite::run);
    SUITES.put("redis", RedisSuite::run);
  }

  private Bench() {}

  /**
   * Runs the named suites.
   *
   * @param args names of suites; none means all
   * @throws Exception if a measurement failed
   */
  public static void main(String[] args) throws Exception {
    List<String> names = args.length == 0 ? List.copyOf(SUITES.keySet()) : List.of(args);
    for (String name : names) {
      Callable<Table> suite = SUITES.get(name);
      if (suite == null) {
        System.err.println("no such suite: name=" + name + " suites=" + SUITES.keySet());
        System.exit(2);
        return;
      }
      System.out.print(suite.call());
    }
  }
}
