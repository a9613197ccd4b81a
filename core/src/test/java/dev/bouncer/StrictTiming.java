package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/**
 * Time that stands still until a test lets every deadline pass at once, and a park that returns for
 * a reason only: an unpark, an interrupt, or that deadline.
 *
 * <p>Lincheck lets {@code LockSupport.park} return at any moment, as its contract allows; a retry
 * loop then recovers from every lost wake-up and hides it. Here each thread has one permit that
 * {@link #unpark} sets and {@link #park} takes, on a monitor, which Lincheck models exactly: a lost
 * wake-up is a hang, and it prints the interleaving. Platform threads only, like Lincheck itself.
 */
final class StrictTiming implements Timing {
  private static final long END_OF_TIME = Long.MAX_VALUE / 2;

  // Guarded by this. A list, because identity hash codes differ from run to run.
  private final List<Thread> unparked = new ArrayList<>();
  private final List<Thread> interrupted = new ArrayList<>();
  private final List<Runnable> alarms = new ArrayList<>();
  private boolean timeIsUp;

  @Override
  public synchronized long nanoTime() {
    return timeIsUp ? END_OF_TIME : 0;
  }

  @Override
  public void park(Object blocker) {
    park(false);
  }

  @Override
  public void parkNanos(Object blocker, long nanos) {
    park(true);
  }

  private synchronized void park(boolean withDeadline) {
    Thread me = Thread.currentThread();
    while (!interrupted.remove(me)) {
      if (unparked.remove(me) || (withDeadline && timeIsUp)) {
        return;
      }
      try {
        wait();
      } catch (InterruptedException unexpected) {
        throw new AssertionError("interrupt through this object", unexpected);
      }
    }
    me.interrupt(); // park returns with the interrupt pending
  }

  /**
   * Interrupts the thread in its present or next park. Not by {@link Thread#interrupt}, which
   * Lincheck 3.7 reports as an error of its own whenever it ends a wait.
   */
  synchronized void interrupt(Thread thread) {
    interrupted.add(thread);
    notifyAll();
  }

  @Override
  public synchronized void unpark(Thread thread) {
    if (!unparked.contains(thread)) {
      unparked.add(thread);
    }
    notifyAll();
  }

  @Override
  public synchronized Future<?> after(long nanos, Runnable action) {
    FutureTask<?> alarm = new FutureTask<>(action, null);
    alarms.add(alarm);
    return alarm;
  }

  /** Lets all deadlines pass: whoever parked with one wakes up, and this thread runs the alarms. */
  void passAllDeadlines() {
    List<Runnable> due;
    synchronized (this) {
      timeIsUp = true;
      notifyAll();
      due = List.copyOf(alarms);
      alarms.clear();
    }
    due.forEach(Runnable::run);
  }
}
