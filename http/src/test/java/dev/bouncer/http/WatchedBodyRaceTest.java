package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Everything that can end a body, at the same moment: it ends once, and its reader sees order. */
@Timeout(300)
final class WatchedBodyRaceTest {
  private static final Duration IDLE = Duration.ofSeconds(1);

  @Test
  void ends_atTheSameMoment() throws Exception {
    race(3_000);
  }

  @Test
  @Tag("deep")
  void ends_atTheSameMoment_manyTimes() throws Exception {
    race(60_000);
  }

  private static void race(int rounds) throws Exception {
    Random random = new Random(5);
    try (Together together = new Together()) {
      for (int i = 0; i < rounds; i++) {
        Round round = new Round(i);
        boolean completes = random.nextBoolean();
        Runnable[] others = {round::abort, round::stall, round::giveUp};
        int first = random.nextInt(others.length);
        int second = random.nextInt(others.length);
        together.run(() -> round.connect(completes), others[first], others[second]);
        round.check();
      }
    }
  }

  /** One body with both its ends. */
  private static final class Round implements BodySubscriber<Void>, Subscription {
    private final int number;
    private final ManualTimer timer = new ManualTimer();
    private final AtomicInteger ends = new AtomicInteger();
    private final AtomicReference<WatchedBody.End> end = new AtomicReference<>();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final IOException brokenConnection = new IOException("broken");
    private final AtomicInteger disconnected = new AtomicInteger();
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicReference<Subscription> subscription = new AtomicReference<>();
    private final AtomicInteger lastSignals = new AtomicInteger();
    private final AtomicReference<String> disorder = new AtomicReference<>();
    private volatile boolean gaveUp;

    private final WatchedBody<Void> body =
        new WatchedBody<>(
            this,
            timer,
            IDLE.toNanos(),
            "",
            (how, why) -> {
              ends.incrementAndGet();
              end.set(how);
              failure.set(why);
            });

    Round(int number) {
      this.number = number;
    }

    void connect(boolean completes) {
      body.onSubscribe(this);
      body.onNext(List.of(ByteBuffer.allocate(1)));
      body.onNext(List.of(ByteBuffer.allocate(1)));
      if (completes) {
        body.onComplete();
      } else {
        body.onError(brokenConnection);
      }
    }

    void abort() {
      body.abort(new IOException("aborted"));
    }

    void stall() {
      timer.advance(IDLE);
    }

    void giveUp() {
      Subscription mine = subscription.get();
      if (mine != null) {
        gaveUp = true;
        mine.cancel();
      }
    }

    void check() {
      assertEquals(1, ends.get(), this::toString);
      assertEquals(null, disorder.get(), this::toString);
      assertTrue(lastSignals.get() == 1 || (gaveUp && lastSignals.get() == 0), this::toString);
      boolean endedByTheConnection =
          end.get() == WatchedBody.End.COMPLETE || failure.get() == brokenConnection;
      assertTrue(endedByTheConnection || disconnected.get() > 0, this::toString);
      assertEquals(0, timer.alarms(), this::toString);
      assertEquals(0, inside.get(), this::toString);
    }

    private void signal(boolean isLast) {
      if (inside.getAndIncrement() != 0) {
        disorder.compareAndSet(null, "two signals at once");
      }
      if (lastSignals.get() != 0) {
        disorder.compareAndSet(null, "a signal after the last");
      }
      if (subscription.get() == null) {
        disorder.compareAndSet(null, "a signal before the subscription");
      }
      Thread.onSpinWait();
      if (isLast) {
        lastSignals.incrementAndGet();
      }
      inside.decrementAndGet();
    }

    @Override
    public void onSubscribe(Subscription mine) {
      if (!subscription.compareAndSet(null, mine)) {
        disorder.compareAndSet(null, "two subscriptions");
      }
      signal(false);
      mine.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
      signal(false);
    }

    @Override
    public void onError(Throwable failure) {
      signal(true);
    }

    @Override
    public void onComplete() {
      signal(true);
    }

    @Override
    public CompletionStage<Void> getBody() {
      return new CompletableFuture<>();
    }

    @Override
    public void request(long pieces) {}

    @Override
    public void cancel() {
      disconnected.incrementAndGet();
    }

    @Override
    public String toString() {
      return "round=%d end=%s ends=%d disorder=%s lastSignals=%d disconnected=%d gaveUp=%s alarms=%d"
          .formatted(
              number,
              end,
              ends.get(),
              disorder,
              lastSignals.get(),
              disconnected.get(),
              gaveUp,
              timer.alarms());
    }
  }
}
