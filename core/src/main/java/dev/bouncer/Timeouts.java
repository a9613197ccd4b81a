package dev.bouncer;

import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The deadlines of a limiter's asynchronous waiters, and the one alarm that is on the clock for the
 * earliest of them. Not thread-safe: guarded by the limiter's lock.
 */
final class Timeouts {
  private final Timing timing;
  private final Consumer<Alarm> ring;
  private final TimerWheel wheel;
  private @Nullable Alarm alarm;

  /** Calls {@code ring} without the lock, on a thread of its own, when a deadline may be due. */
  Timeouts(Timing timing, Consumer<Alarm> ring) {
    this.timing = timing;
    this.ring = ring;
    this.wheel = new TimerWheel(timing.nanoTime());
  }

  /** One alarm on the clock. */
  final class Alarm implements Runnable {
    private final long due;
    private final Future<?> onTheClock;

    private Alarm(long now, long delay) {
      due = now + delay;
      onTheClock = timing.after(delay, this);
    }

    @Override
    public void run() {
      ring.accept(this);
    }
  }

  /**
   * When a request that is made now and may wait so long has to give up, as a tick of the wheel.
   */
  long deadline(long nanos) {
    return wheel.tickAfter(timing.nanoTime(), nanos);
  }

  void schedule(TimedWaiter waiter) {
    wheel.schedule(waiter);
    arm();
  }

  void cancel(TimedWaiter waiter) {
    wheel.cancel(waiter);
  }

  /** Whether the alarm is the one on the clock; another one took the place of all others. */
  boolean accept(Alarm ringing) {
    if (ringing != alarm) {
      return false;
    }
    alarm = null;
    return true;
  }

  /**
   * A waiter whose time is up, which the caller takes out of the line, or null if there is none.
   */
  @Nullable TimedWaiter due() {
    return wheel.advance(timing.nanoTime());
  }

  /** Sees to it that an alarm is on the clock for the earliest deadline. */
  void arm() {
    if (wheel.isEmpty()) {
      return;
    }
    long now = timing.nanoTime();
    long delay = wheel.nanosToNext(now);
    if (alarm != null && alarm.due - (now + delay) <= 0) {
      return;
    }
    if (alarm != null) {
      alarm.onTheClock.cancel(false);
    }
    alarm = new Alarm(now, delay);
  }
}
