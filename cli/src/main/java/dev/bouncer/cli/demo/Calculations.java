package dev.bouncer.cli.demo;

import dev.bouncer.process.ProcessPool;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Situation 2: heavy calculations in a fixed number of processes. */
final class Calculations {
  static final int NUMBERS = 10;
  static final int PROCESSES = 2;
  private static final long STEPS = 250_000_000;

  private final Narrator narrator;
  private final long steps;

  Calculations(Narrator narrator, int speed) {
    this.narrator = narrator;
    this.steps = STEPS / speed;
  }

  /** What the workers reported, in the order of the inputs. */
  record Report(List<Calculation> calculations) {
    List<Long> results() {
      return calculations.stream().map(Calculation::result).toList();
    }

    List<Long> pids() {
      return calculations.stream().map(Calculation::pid).distinct().sorted().toList();
    }

    /** Returns how many were running at once at the most, by the times that the workers took. */
    int maxRunning() {
      record Change(Instant when, int by) {}
      List<Change> changes = new ArrayList<>();
      for (Calculation calculation : calculations) {
        changes.add(new Change(calculation.start(), 1));
        changes.add(new Change(calculation.end(), -1));
      }
      // At the same instant the end comes first: one worker can begin when it has just ended.
      changes.sort(Comparator.comparing(Change::when).thenComparingInt(Change::by));
      int running = 0;
      int most = 0;
      for (Change change : changes) {
        running += change.by();
        most = Math.max(most, running);
      }
      return most;
    }

    boolean isAsPromised() {
      List<Long> squares = IntStream.range(0, NUMBERS).mapToObj(n -> (long) n * n).toList();
      return results().equals(squares) && pids().size() == PROCESSES && maxRunning() <= PROCESSES;
    }
  }

  Report run() throws IOException {
    try (ProcessPool pool = ProcessPool.of(PROCESSES)) {
      narrator.say("");
      narrator.say(
          "2. %d heavy calculations through ProcessPool.of(%d)".formatted(NUMBERS, PROCESSES));
      startWorkers(pool);
      long count = steps;
      Report report;
      try (Stream<Calculation> calculations =
          pool.map(numbers(), number -> Calculation.ofSquare(number, count))) {
        report = new Report(calculations.toList());
      }
      tell(report);
      return report;
    }
  }

  private void tell(Report report) {
    record Event(Instant when, String what) {}
    List<Event> events = new ArrayList<>();
    for (Calculation calculation : report.calculations()) {
      String pid = "process " + calculation.pid();
      int number = calculation.number();
      events.add(new Event(calculation.start(), pid + " starts " + number + " squared"));
      events.add(new Event(calculation.end(), pid + " is done: " + calculation.result()));
    }
    events.sort(Comparator.comparing(Event::when));
    events.forEach(event -> narrator.sayOf(event.when(), event.what()));
  }

  private static List<Integer> numbers() {
    return IntStream.range(0, NUMBERS).boxed().toList();
  }

  /** Has every worker process up before the first calculation, however slow the machine is. */
  private static void startWorkers(ProcessPool pool) throws IOException {
    Path folder = Files.createTempDirectory("bouncer-demo-");
    try {
      String place = folder.toString();
      List<CompletableFuture<Boolean>> workers = new ArrayList<>();
      for (int i = 0; i < PROCESSES; i++) {
        workers.add(pool.submit(number -> Meeting.join(place, number, PROCESSES), i));
      }
      workers.forEach(CompletableFuture::join);
    } finally {
      try (DirectoryStream<Path> marks = Files.newDirectoryStream(folder)) {
        for (Path mark : marks) {
          Files.delete(mark);
        }
      }
      Files.delete(folder);
    }
  }
}
