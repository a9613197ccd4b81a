package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import org.junit.jupiter.api.Test;

/** What the subscriber and the listener see, one signal after the other. */
final class WatchedBodyTest {
  private static final List<ByteBuffer> PIECE = List.of(ByteBuffer.allocate(1));

  private final ManualTimer timer = new ManualTimer();
  private final List<String> seen = new ArrayList<>();
  private final IOException broken = new IOException("broken");
  private Runnable inOnSubscribe = () -> {};
  private Runnable inOnNext = () -> {};

  private final WatchedBody<Void> body =
      new WatchedBody<>(
          new Recorder(),
          timer,
          Duration.ofMinutes(1).toNanos(),
          "",
          (end, failure) -> seen.add("ended " + end + (failure == null ? "" : " " + failure)));

  private final Subscription connection =
      new Subscription() {
        @Override
        public void request(long pieces) {}

        @Override
        public void cancel() {
          seen.add("disconnected");
        }
      };

  private final class Recorder implements BodySubscriber<Void> {
    @Override
    public CompletionStage<Void> getBody() {
      return new CompletableFuture<>();
    }

    @Override
    public void onSubscribe(Subscription subscription) {
      seen.add("(subscribe");
      subscription.request(Long.MAX_VALUE);
      inOnSubscribe.run();
      seen.add("subscribe)");
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
      seen.add("(next");
      inOnNext.run();
      seen.add("next)");
    }

    @Override
    public void onError(Throwable failure) {
      seen.add(failure.getMessage());
    }

    @Override
    public void onComplete() {
      seen.add("complete");
    }
  }

  @Test
  void connectionThatBreaks_whileThePieceIsTaken_isToldAfterwards() {
    inOnNext = () -> body.onError(broken);
    body.onSubscribe(connection);
    body.onNext(PIECE);
    body.onNext(PIECE);
    body.onComplete();
    assertEquals(
        List.of("(subscribe", "subscribe)", "(next", "ended BROKEN " + broken, "next)", "broken"),
        seen);
  }

  @Test
  void abort_whileTheSubscriberLearnsOfTheBody_isToldAfterwards() {
    inOnSubscribe = () -> body.abort(broken);
    body.onSubscribe(connection);
    body.onNext(PIECE);
    body.onError(new IOException("closed"));
    assertEquals(
        List.of("(subscribe", "disconnected", "ended GIVEN_UP " + broken, "subscribe)", "broken"),
        seen);
  }

  @Test
  void abort_beforeTheBodyBegins_isToldInTheRightOrder_andEndsTheConnectionLater() {
    body.abort(broken);
    assertEquals(List.of("ended GIVEN_UP " + broken, "(subscribe", "subscribe)", "broken"), seen);
    seen.clear();
    body.onSubscribe(connection);
    body.onNext(PIECE);
    body.onComplete();
    assertEquals(List.of("disconnected"), seen);
    assertEquals(0, timer.alarms());
  }

  @Test
  void pieceInsideOfTheSubscription_isNotLost() {
    inOnSubscribe = () -> body.onNext(PIECE);
    body.onSubscribe(connection);
    body.onComplete();
    assertEquals(
        List.of("(subscribe", "(next", "next)", "subscribe)", "ended COMPLETE", "complete"), seen);
  }

  @Test
  void readerThatIsStuckWithAPiece_isToBlameForTheIdleTimeout() {
    inOnNext = () -> timer.advance(Duration.ofMinutes(2));
    body.onSubscribe(connection);
    body.onNext(PIECE);
    assertTrue(seen.contains("disconnected"), seen::toString);
    assertEquals(
        "body must be read or closed: nobody has read for idleTimeout=PT1M", seen.getLast());
    assertTrue(
        seen.stream().anyMatch(signal -> signal.startsWith("ended GIVEN_UP")), seen::toString);
  }
}
