package dev.bouncer.benchmarks;

import dev.bouncer.Limiter;
import dev.bouncer.Outcome;
import dev.bouncer.Permit;
import dev.bouncer.SimulatedTime;
import dev.bouncer.benchmarks.Allowance.Counting;
import dev.bouncer.benchmarks.Allowance.Seen;
import dev.bouncer.cli.fetch.SimulatedHost;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * The limits of {@code bouncer fetch --adaptive} in front of a server that they know nothing of, in
 * virtual time. The server halves what it allows, and then has it all again. Seeded: the same
 * figures on every machine.
 */
final class FetchSimulation {
  private static final int JOBS = 100;
  private static final int URLS_AT_ONCE = 1_100;
  private static final int RETRIES = 3;
  private static final long SECOND = 1_000_000_000L;
  private static final int PHASE_SECONDS = 35;
  private static final int SETTLED_AFTER = 5;
  private static final long REFUSAL_NANOS = 300_000;

  private final SimulatedTime time = new SimulatedTime();
  private final Random random;
  private final Server server;
  private final Allowance allowance;
  private final Limiter host;

  /**
   * A server.
   *
   * @param counting how it counts
   * @param inFlight how many calls at once it allows
   * @param perSecond how many a second
   * @param latencyMillis how long it takes for one, give or take a half
   */
  record Server(Counting counting, int inFlight, int perSecond, double latencyMillis) {
    /** Of the way there and back, and of the client's own work. */
    private static final double OVERHEAD_MILLIS = 1.5;

    Allowance allowance() {
      return new Allowance(counting, inFlight, perSecond);
    }

    /** Calls a second that it can be brought to when it allows that part. */
    double capacity(int share) {
      double places = Math.min(inFlight / share, JOBS);
      return Math.min(perSecond / (double) share, places * 1e3 / (latencyMillis + OVERHEAD_MILLIS));
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%s %d/s, %d in flight, %.0f ms",
          counting.name().toLowerCase(Locale.ROOT),
          perSecond,
          inFlight,
          latencyMillis);
    }
  }

  /**
   * What came of the time in which the server allowed the same, without the first five seconds.
   *
   * @param found which part of what the server could do
   * @param refused which part of the calls
   */
  record Phase(double found, double refused) {}

  private FetchSimulation(Server server, long seed) {
    this.random = new Random(seed);
    this.server = server;
    this.allowance = server.allowance();
    this.host = SimulatedHost.create(time, JOBS);
  }

  /** One run; a phase for the whole server, one for half of it. */
  static List<Phase> run(Server server, long seed) {
    return new FetchSimulation(server, seed).run();
  }

  private List<Phase> run() {
    for (int i = 0; i < URLS_AT_ONCE; i++) {
      time.after(0, () -> call(0));
    }
    List<Phase> phases = new ArrayList<>();
    for (int share = 1; share <= 2; share++) {
      allowance.change(server.inFlight / share, server.perSecond / share);
      long start = time.now();
      time.runUntil(start + SETTLED_AFTER * SECOND);
      Seen before = allowance.seen();
      time.runUntil(start + PHASE_SECONDS * SECOND);
      Seen seen = allowance.seen().since(before);
      double possible = server.capacity(share) * (PHASE_SECONDS - SETTLED_AFTER);
      phases.add(new Phase(seen.served() / possible, seen.refusedShare()));
    }
    return phases;
  }

  private void call(int retries) {
    var _ = host.acquireAsync().thenAccept(permit -> send(permit, retries));
  }

  private void send(Permit permit, int retries) {
    time.after(
        onTheWay(),
        () -> {
          boolean served = allowance.enter(time.now());
          double work = server.latencyMillis * 1e6 * (0.5 + random.nextDouble());
          time.after(
              served ? (long) work : REFUSAL_NANOS,
              () -> {
                if (served) {
                  allowance.leave();
                }
                time.after(onTheWay(), () -> ended(permit, served, retries));
              });
        });
  }

  /** Half a millisecond or so; now and then somebody is busy. */
  private long onTheWay() {
    double millis = 0.3 - 0.3 * Math.log(1 - random.nextDouble());
    boolean busy = random.nextInt(500) == 0;
    return (long) ((busy ? millis + 10 * random.nextDouble() : millis) * 1e6);
  }

  private void ended(Permit permit, boolean served, int retries) {
    permit.close(served ? Outcome.SUCCESS : Outcome.DROPPED);
    if (served || retries == RETRIES) {
      call(0);
    } else {
      double backoff = SECOND / 2.0 * (1 << retries) * (0.5 + random.nextDouble());
      time.after((long) backoff, () -> call(retries + 1));
    }
  }
}
