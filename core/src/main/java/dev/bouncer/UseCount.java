package dev.bouncer;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How many uses of something are under way, and a way to end its life between two of them, in one
 * word: first {@linkplain #now look}, then find out whatever takes long, and then {@linkplain
 * #retire retire} it, which fails if anybody has come since the look, even if it has gone again.
 */
final class UseCount {
  private static final long USE = 1;
  private static final long UNDER_WAY = (1L << 31) - 1;
  private static final long RETIRED = 1L << 31;

  /** Counts those who ever came, in the upper half; what overflows there falls off the end. */
  private static final long COMING = 1L << 32;

  private final AtomicLong word = new AtomicLong();

  /** A use begins; false if it must not, because this is retired. */
  boolean begin() {
    if ((word.getAndAdd(COMING + USE) & RETIRED) != 0) {
      end();
      return false;
    }
    return true;
  }

  void end() {
    word.getAndAdd(-USE);
  }

  /** One look. */
  long now() {
    return word.get();
  }

  /** Whether nothing was under way at that look. */
  static boolean isUnused(long look) {
    return (look & UNDER_WAY) == 0;
  }

  /** Lets no use begin any more, if none has begun since that look, at which none was under way. */
  boolean retire(long look) {
    return isUnused(look) && word.compareAndSet(look, look | RETIRED);
  }
}
