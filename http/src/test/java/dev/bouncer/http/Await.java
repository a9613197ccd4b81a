package dev.bouncer.http;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for states instead of sleeping: gives up late, decides nothing by time. */
final class Await {
  private static final Duration GIVE_UP = Duration.ofSeconds(60);

  private Await() {}

  static void until(String what, BooleanSupplier condition) {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - start > GIVE_UP.toNanos()) {
        throw new AssertionError("gave up waiting until " + what);
      }
      LockSupport.parkNanos(200_000); // only to be polite; nothing depends on it
    }
  }
}
