package dev.bouncer.benchmarks;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What a rate-limited server allows: so many calls in flight, and so many a second, as one of the
 * usual ways of counting has it. Counts what it lets in and what it refuses. Thread-safe.
 */
final class Allowance {
  private static final long SECOND = 1_000_000_000L;

  /** How the calls of a second are counted. */
  enum Counting {
    /** Those of the last second, whenever it is looked: the strictest. */
    SLIDING,
    /** Those since the clock of the server last began a second. */
    FIXED,
    /** A bucket that a tenth of a second's calls fit into. */
    BUCKET
  }

  private final Counting counting;
  private int inFlight; // guarded by this, as is everything below
  private int perSecond;
  private int present;
  private long served;
  private long refused;
  private final Deque<Long> lastSecond = new ArrayDeque<>();
  private long second = Long.MIN_VALUE;
  private int inSecond;
  private double tokens = Double.MAX_VALUE;
  private long filled;

  Allowance(Counting counting, int inFlight, int perSecond) {
    this.counting = counting;
    this.inFlight = inFlight;
    this.perSecond = perSecond;
  }

  /** Allows something else from now on. */
  synchronized void change(int newInFlight, int newPerSecond) {
    inFlight = newInFlight;
    perSecond = newPerSecond;
  }

  /** Lets a call in, which has to {@link #leave}, or refuses it. */
  synchronized boolean enter(long now) {
    if (present >= inFlight || !count(now)) {
      refused++;
      return false;
    }
    present++;
    served++;
    return true;
  }

  synchronized void leave() {
    present--;
  }

  private boolean count(long now) {
    return switch (counting) {
      case SLIDING -> {
        while (!lastSecond.isEmpty() && now - lastSecond.getFirst() >= SECOND) {
          lastSecond.removeFirst();
        }
        yield lastSecond.size() < perSecond && lastSecond.add(now);
      }
      case FIXED -> {
        inSecond = Math.floorDiv(now, SECOND) == second ? inSecond : 0;
        second = Math.floorDiv(now, SECOND);
        yield inSecond < perSecond && ++inSecond > 0;
      }
      case BUCKET -> {
        double most = Math.max(1, perSecond / 10.0);
        tokens = Math.min(most, tokens + (now - filled) / (double) SECOND * perSecond);
        filled = now;
        boolean enough = tokens >= 1;
        tokens -= enough ? 1 : 0;
        yield enough;
      }
    };
  }

  /**
   * What was seen so far.
   *
   * @param served calls that were let in
   * @param refused calls that were not
   */
  record Seen(long served, long refused) {
    Seen since(Seen before) {
      return new Seen(served - before.served, refused - before.refused);
    }

    double refusedShare() {
      return refused / (double) Math.max(1, served + refused);
    }
  }

  synchronized Seen seen() {
    return new Seen(served, refused);
  }
}
