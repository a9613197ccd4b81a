package dev.bouncer;

/**
 * The limiter that a key of a {@link KeyedLimiter} has at present, from when it is made until it is
 * evicted or closed. It is a {@link KeyLimiter} of its key as well: whoever asks for a key that is
 * there gets it as it stands in the table, with no other object to make or to read on the way.
 */
final class KeyEntry<K> extends KeyLimiter<K> {
  /** Gives the permits of this entry, and those of the global limiter with them. */
  final QueuedLimiter limiter;

  /** What the function made; closed with the entry. */
  private final Limiter made;

  /**
   * How many permits it had given at the last sweep, of which the low half is enough; none yet. If
   * it looks unused by chance, it is evicted only if it is idle.
   */
  private volatile int acquiredAtSweep = -1;

  KeyEntry(KeyedLimiter<K> keyed, K key, QueuedLimiter limiter, Limiter made) {
    super(keyed, key);
    this.limiter = limiter;
    this.made = made;
  }

  @Override
  KeyEntry<K> known() {
    return this;
  }

  @Override
  void found(KeyEntry<K> entry) {
    // It stays what it is; only after its eviction it may be another one.
  }

  /** The same without the global limiter. */
  QueuedLimiter own() {
    return limiter instanceof CompositeLimiter combined ? combined.own() : limiter;
  }

  /** Whether it gave a permit since the last call, which is a sweep's. */
  boolean wasUsedSinceSweep() {
    int before = acquiredAtSweep;
    acquiredAtSweep = (int) own().stats().acquired();
    return acquiredAtSweep != before;
  }

  boolean retireIfIdle() {
    if (own() instanceof CompositeLimiter combined) {
      combined.lookWhetherIdle();
    }
    return limiter.retireIfIdle();
  }

  /** Closes what the function made for a key that was evicted, and whose limiter is so closed. */
  void closeMade() {
    made.close();
  }

  void closeLimiters() {
    limiter.close();
    own().close();
    made.close();
  }
}
