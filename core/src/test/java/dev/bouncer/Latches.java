package dev.bouncer;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Waits for a latch, with a give-up that only a broken program reaches. */
final class Latches {
  private Latches() {}

  static void await(CountDownLatch latch) throws InterruptedException {
    if (!latch.await(60, TimeUnit.SECONDS)) {
      fail("the latch did not open within a minute");
    }
  }
}
