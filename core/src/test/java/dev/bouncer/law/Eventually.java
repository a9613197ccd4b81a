package dev.bouncer.law;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for states instead of sleeping: gives up late, decides nothing by time. */
public final class Eventually {
  private static final Duration GIVE_UP = Duration.ofSeconds(60);

  private Eventually() {}

  /** Polls until the condition holds. */
  public static void eventually(String what, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - start > GIVE_UP.toNanos()) {
        throw new AssertionError("gave up waiting until " + what);
      }
      LockSupport.parkNanos(50_000); // only to be polite; nothing depends on it
    }
  }

  /** A thread whose outcome can be asked for. */
  public static final class Background<R> {
    private final Thread thread;
    private final AtomicReference<R> result = new AtomicReference<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private Background(Thread.Builder builder, Callable<R> action) {
      thread =
          builder.start(() -> {
            try {
              result.set(action.call());
            } catch (Throwable thrown) {
              failure.set(thrown);
            }
          });
    }

    public static <R> Background<R> virtual(Callable<R> action) {
      return new Background<>(Thread.ofVirtual(), action);
    }

    public static <R> Background<R> platform(Callable<R> action) {
      return new Background<>(Thread.ofPlatform().daemon(), action);
    }

    public Thread thread() {
      return thread;
    }

    public R result() {
      end();
      if (failure.get() != null) {
        throw new AssertionError("unexpected failure", failure.get());
      }
      return result.get();
    }

    public Throwable failure() {
      end();
      if (failure.get() == null) {
        throw new AssertionError("expected a failure, got: " + result.get());
      }
      return failure.get();
    }

    private void end() {
      try {
        if (!thread.join(GIVE_UP)) {
          throw new AssertionError("thread did not end: " + thread);
        }
      } catch (InterruptedException interrupted) {
        throw new AssertionError(interrupted);
      }
    }
  }
}
