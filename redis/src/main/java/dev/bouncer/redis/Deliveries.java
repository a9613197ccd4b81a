package dev.bouncer.redis;

import java.util.concurrent.atomic.AtomicLong;

/** What users are being told at this moment. All methods may be called from any thread. */
final class Deliveries {
  private final Timing timing;
  private final AtomicLong underWay = new AtomicLong();

  Deliveries(Timing timing) {
    this.timing = timing;
  }

  void begin() {
    underWay.incrementAndGet();
  }

  void end() {
    underWay.decrementAndGet();
  }

  /** Runs users' code on a thread of its own. */
  void deliver(Runnable action) {
    begin();
    timing.deliver(() -> {
      try {
        action.run();
      } finally {
        end();
      }
    });
  }

  boolean areDone() {
    return underWay.get() == 0;
  }
}
