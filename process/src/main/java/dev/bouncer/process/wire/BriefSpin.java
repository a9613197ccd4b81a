package dev.bouncer.process.wire;

import java.io.IOException;

/**
 * Waits a moment with the processor in hand before a thread goes to sleep. Where tasks take
 * microseconds, falling asleep and being woken costs more than the whole wait, above all on
 * processors that are otherwise idle.
 *
 * <p>It yields between two looks, so that on a machine with few processors the thread that is
 * waited for gets one. It stays away while it does not pay: after some waits in vain it tries but
 * now and then, and when a yield shows that others want the processor it pauses for a while.
 *
 * <p>Used by one thread, or by several that race on its estimates without harm.
 */
public final class BriefSpin {
  /** The longest wait: about what two wake-ups cost. */
  public static final long MAX_NANOS = 20_000;

  private static final long SLOW_LOOK_NANOS = 50_000;
  private static final long PAUSE_NANOS = 10_000_000;
  private static final int VAIN_WAITS = 4;
  private static final int RETRY_EVERY = 64;

  private long resumeAtNanos = System.nanoTime();
  private int inVain;
  private int skipped;

  /** Makes one that is ready to spin. */
  public BriefSpin() {}

  /** What is waited for. */
  @FunctionalInterface
  public interface Condition {
    /**
     * Looks whether the wait is over; must not block.
     *
     * @return whether it is
     * @throws IOException if it cannot tell
     */
    boolean isTrue() throws IOException;
  }

  /**
   * Waits until the condition is true, or for a moment.
   *
   * @param condition what is waited for
   * @return whether it came true; if not, the caller must wait in another way
   * @throws IOException if the condition throws it
   */
  @SuppressWarnings("ThreadPriorityCheck") // the yield is for speed; nothing depends on it
  public boolean await(Condition condition) throws IOException {
    if (inVain >= VAIN_WAITS && ++skipped % RETRY_EVERY != 0) {
      return false;
    }
    long start = System.nanoTime();
    if (start - resumeAtNanos < 0) {
      return false;
    }
    long before = start;
    while (!condition.isTrue()) {
      long now = System.nanoTime();
      if (now - before > SLOW_LOOK_NANOS) {
        resumeAtNanos = now + PAUSE_NANOS;
        return false;
      }
      if (now - start > MAX_NANOS) {
        inVain++;
        return false;
      }
      before = now;
      Thread.yield();
    }
    inVain = 0;
    return true;
  }
}
