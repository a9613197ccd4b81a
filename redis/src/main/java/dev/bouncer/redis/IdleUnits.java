package dev.bouncer.redis;

/**
 * Units that this JVM holds and nobody uses. They may serve its next request without asking Redis:
 * as often as it likes while nobody waits elsewhere, and for a quantum when somebody does. Guarded
 * by the lock of the {@link LocalLine}.
 */
final class IdleUnits {
  /** While somebody waits elsewhere, so many permits a grant are handed on inside this JVM ... */
  static final int QUANTUM_PERMITS = 32;

  /** ... and for so long after the latest grant. */
  static final long QUANTUM_NANOS = 5_000_000;

  private int units;
  private int fewest; // since the last look
  private int quantum;
  private long quantumStart;

  int units() {
    return units;
  }

  void add(int more) {
    units += more;
  }

  /** Units for a request of this JVM. */
  void use(int weight) {
    units -= weight;
    fewest = Math.min(fewest, units);
    quantum--;
  }

  int takeAll() {
    int all = units;
    units = 0;
    fewest = 0;
    return all;
  }

  /** Those that nobody has used since the last look. */
  int takeUnused() {
    int unused = fewest;
    units -= unused;
    fewest = 0;
    return unused;
  }

  void look() {
    fewest = units;
  }

  void startQuantum(long now) {
    quantum = QUANTUM_PERMITS;
    quantumStart = now;
  }

  boolean isWithinQuantum(long now) {
    return quantum > 0 && now - quantumStart < QUANTUM_NANOS;
  }
}
