package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What waiters are to be told once the lock is let go: written under the lock, sent without it.
 * Those granted are chained through themselves, so that the usual case, one grant, allocates
 * nothing.
 */
final class Outbox {
  private @Nullable Waiter firstGranted;
  private @Nullable Waiter lastGranted;
  private @Nullable List<Runnable> refusals;
  private @Nullable Runnable afterwards;

  /** Notes a waiter that has left the line with a grant. */
  void granted(Waiter waiter) {
    if (lastGranted == null) {
      firstGranted = waiter;
    } else {
      lastGranted.next = waiter;
    }
    lastGranted = waiter;
  }

  /** Notes a waiter that has left the line with nothing. */
  void refused(Waiter waiter, Throwable reason) {
    if (waiter instanceof BlockedWaiter) {
      waiter.refuse(reason); // only unparks
      return;
    }
    if (refusals == null) {
      refusals = new ArrayList<>();
    }
    refusals.add(() -> waiter.refuse(reason));
  }

  /** Notes what is to be done when everybody was told. */
  void afterwards(Runnable action) {
    Runnable before = afterwards;
    afterwards =
        before == null
            ? action
            : () -> {
              before.run();
              action.run();
            };
  }

  /** Tells one who was granted, and nobody else. */
  static void tell(Waiter waiter, Timing timing) {
    if (waiter instanceof BlockedWaiter) {
      waiter.deliver();
    } else {
      Callbacks.run(timing, waiter::deliver);
    }
  }

  /** Tells everybody. Threads are unparked first, because that runs no code of users. */
  void send(Timing timing) {
    List<Runnable> callbacks = refusals;
    Waiter next;
    for (Waiter waiter = firstGranted; waiter != null; waiter = next) {
      next = waiter.next;
      waiter.next = null;
      if (waiter instanceof BlockedWaiter) {
        waiter.deliver();
      } else if (callbacks == null && waiter == firstGranted && next == null) {
        Callbacks.run(timing, waiter::deliver);
      } else {
        callbacks = callbacks == null ? new ArrayList<>() : callbacks;
        callbacks.add(waiter::deliver);
      }
    }
    if (callbacks != null) {
      Callbacks.runAll(timing, callbacks);
    }
    if (afterwards != null) {
      afterwards.run();
    }
  }
}
