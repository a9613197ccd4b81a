package dev.bouncer;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Completes futures, and so runs users' dependent actions, on the thread that calls {@link #run}:
 * one after the other, never nested, and never behind an action that blocks.
 *
 * <p>An action that gives a permit back completes the next future, whose action gives a permit back
 * … Nested, such a chain overflows the stack, and {@link java.util.concurrent.CompletableFuture}
 * swallows the error. So what a running action triggers is queued, and the outermost call runs it
 * when that action has returned (a trampoline). Because an action may block for ever, for instance
 * on the very future that is queued behind it, a virtual thread comes to the rescue after {@link
 * #PATIENCE_NANOS} and takes over whatever is still queued.
 */
final class Callbacks {
  /** How long something may be queued behind a running action before another thread runs it. */
  static final long PATIENCE_NANOS = 1_000_000;

  private static final ThreadLocal<Callbacks> RUNNING = new ThreadLocal<>();

  private final Timing timing;
  private final Queue<Runnable> queued = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean rescueComing = new AtomicBoolean();

  private Callbacks(Timing timing) {
    this.timing = timing;
  }

  /**
   * Runs the callback now, or after those that run on this thread at the moment. What a callback
   * throws goes to the thread's uncaught exception handler and stops nobody.
   */
  static void run(Timing timing, Runnable callback) {
    @Nullable Callbacks running = RUNNING.get();
    if (running != null) {
      running.queue(callback);
      return;
    }
    running = new Callbacks(timing);
    RUNNING.set(running);
    try {
      runCaught(callback);
      running.runQueued();
    } finally {
      RUNNING.remove();
    }
  }

  /** Runs several callbacks like {@link #run}: none of them waits behind one that blocks. */
  static void runAll(Timing timing, Iterable<Runnable> callbacks) {
    run(timing, () -> callbacks.forEach(callback -> run(timing, callback)));
  }

  private void queue(Runnable callback) {
    queued.add(callback);
    sendForRescue();
  }

  private void runQueued() {
    for (Runnable next = queued.poll(); next != null; next = queued.poll()) {
      runCaught(next);
    }
  }

  private void sendForRescue() {
    if (rescueComing.compareAndSet(false, true)) {
      var _ = timing.after(PATIENCE_NANOS, this::rescue);
    }
  }

  private void rescue() {
    rescueComing.set(false);
    if (!queued.isEmpty()) {
      sendForRescue(); // for whoever queues behind a callback that blocks this thread, too
      RUNNING.set(this);
      try {
        runQueued();
      } finally {
        RUNNING.remove();
      }
    }
  }

  private static void runCaught(Runnable callback) {
    try {
      callback.run();
    } catch (Throwable thrown) {
      Thread thread = Thread.currentThread();
      thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
    }
  }
}
