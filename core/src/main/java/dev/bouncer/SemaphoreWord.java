package dev.bouncer;

/**
 * The books of an {@link AsyncSemaphore} in 64 bits, so that one compare-and-set is the whole fast
 * path.
 *
 * <pre>
 *   63 ... 37   36     35       34         33       32       31 ... 0
 *   ticket    | LENT | STRICT | DRAINING | CLOSED | QUEUED | available + 2^31
 * </pre>
 *
 * <p><b>available</b> is {@code limit - inUse}; biased, so that adding and subtracting never
 * carries into the flags.
 *
 * <p><b>The lent permit.</b> Giving back once, from whatever thread, takes an atomic operation on
 * something that belongs to the permit; giving back takes another one on the books. For one permit
 * at a time, the lent one, both are the same: its ticket is in the word, and whoever clears LENT
 * under that ticket has closed it. That is what the uncontended caller gets, for two atomic
 * operations a pair instead of three. All other permits carry a closed mark of their own.
 *
 * <p><b>ticket</b> is how many lent permits there were: it identifies the one that is out, and
 * counts for free what the word is written for anyhow. It overflows out of the word; whoever lends
 * the first ticket of a half counts the half before it, on the fast path: a detour through the lock
 * once a second would show the compiler a second source of permits, and it could no longer do
 * without the object of those that do not escape.
 */
final class SemaphoreWord {
  private static final int LENT_SHIFT = 36;
  private static final int TICKET_SHIFT = LENT_SHIFT + 1;

  /** Somebody stands in line; guarded by the line's lock. */
  static final long QUEUED = 1L << 32;

  /** For good. */
  static final long CLOSED = 1L << 33;

  /** Somebody waits until nothing is in use; nobody is admitted meanwhile. */
  static final long DRAINING = 1L << 34;

  /** An unfair semaphore whose first in line was overtaken too often: no more overtaking. */
  static final long STRICT = 1L << 35;

  /** A permit with the word's ticket is out. */
  static final long LENT = 1L << LENT_SHIFT;

  static final long ONE_TICKET = 1L << TICKET_SHIFT;

  /** How many tickets there are before they start again from zero. */
  static final int TICKETS = 1 << (64 - TICKET_SHIFT);

  static final int HALF_OF_TICKETS = TICKETS / 2;

  private SemaphoreWord() {}

  /** The word of a new semaphore. */
  static long of(int limit) {
    return (limit ^ Integer.MIN_VALUE) & 0xFFFF_FFFFL;
  }

  static int available(long word) {
    return (int) word ^ Integer.MIN_VALUE;
  }

  static int ticket(long word) {
    return (int) (word >>> TICKET_SHIFT);
  }

  /** The ticket with LENT below it: the same again only while that permit is out. */
  static int loan(long word) {
    return (int) (word >>> LENT_SHIFT);
  }
}
