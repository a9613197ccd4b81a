package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What the subscriber and the listener see, one signal after the other. */
final class WatchedBodyTest {
  private static final List<ByteBuffer> PIECE = List.of(ByteBuffer.allocate(1));

  private static final String UNREAD =
      "body must be read or closed: nobody has read for idleTimeout=PT1M from here";
  private static final String STANDING_STILL =
      "body must go on: nothing has come for idleTimeout=PT1M from here";

  private final ManualTimer timer = new ManualTimer();
  private final List<String> seen = new ArrayList<>();
  private final IOException broken = new IOException("broken");
  private Runnable inOnSubscribe = () -> {};
  private Runnable inOnNext = () -> {};
  private Runnable inDisconnect = () -> {};
  private long firstRequest = Long.MAX_VALUE;
  private final CompletableFuture<Void> result = new CompletableFuture<>();
  private final List<Long> requests = new ArrayList<>();

  private final WatchedBody<Void> body =
      new WatchedBody<>(
          new Recorder(),
          timer,
          Duration.ofMinutes(1).toNanos(),
          " from here",
          (end, failure) -> seen.add("ended " + end + (failure == null ? "" : " " + failure)));

  private final Subscription connection =
      new Subscription() {
        @Override
        public void request(long pieces) {
          requests.add(pieces);
        }

        @Override
        public void cancel() {
          seen.add("disconnected");
          inDisconnect.run();
        }
      };

  private final class Recorder implements BodySubscriber<Void> {
    @Override
    public CompletionStage<Void> getBody() {
      return result;
    }

    @Override
    public void onSubscribe(Subscription subscription) {
      seen.add("(subscribe");
      if (firstRequest != 0) {
        subscription.request(firstRequest);
      }
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
        "body must be read or closed: nobody has read for idleTimeout=PT1M from here",
        seen.getLast());
    assertTrue(
        seen.stream().anyMatch(signal -> signal.startsWith("ended GIVEN_UP")), seen::toString);
  }

  @Test
  void cancel_endsTheConnection_thenTheBody_once() {
    body.onSubscribe(connection);
    seen.clear();
    body.cancel();
    assertEquals(List.of("disconnected", "ended GIVEN_UP"), seen);
    assertEquals(0, timer.alarms());
    assertNull(body.failure());
    body.cancel();
    body.abort(broken);
    assertEquals(List.of("disconnected", "ended GIVEN_UP", "disconnected"), seen);
  }

  @Test
  void cancel_andTheConnectionsOwnEndInIt_isGivenUp_andTheSubscriberLearnsOfTheEnd() {
    body.onSubscribe(connection);
    seen.clear();
    body.cancel();
    body.onError(broken); // of which no subscriber can be sure after it has cancelled
    assertEquals(List.of("disconnected", "ended GIVEN_UP", "broken"), seen);
  }

  @Test
  void cancel_beforeTheBodyBegins_endsIt() {
    body.cancel();
    assertEquals(List.of("ended GIVEN_UP"), seen);
  }

  @Test
  void abort_endsTheConnection_thenTheBody_thenTellsTheSubscriber() {
    body.onSubscribe(connection);
    seen.clear();
    assertNull(body.failure());
    body.abort(broken);
    assertEquals(List.of("disconnected", "ended GIVEN_UP " + broken, "broken"), seen);
    assertSame(broken, body.failure());
    assertEquals(0, timer.alarms());
  }

  @Test
  void abort_ofWhatHasEnded_doesNothing() {
    body.onSubscribe(connection);
    body.onComplete();
    assertEquals(0, timer.alarms());
    seen.clear();
    body.abort(broken);
    body.onComplete();
    body.onError(broken);
    body.onNext(PIECE);
    assertEquals(List.of(), seen);
    assertNull(body.failure());
  }

  @Test
  void abort_again_doesNothing() {
    body.onSubscribe(connection);
    body.abort(broken);
    seen.clear();
    body.abort(new IOException("again"));
    assertEquals(List.of(), seen);
    assertSame(broken, body.failure());
  }

  @Test
  void abort_andTheConnectionThatBreaksByIt_isToldWithItsOwnReason() {
    inDisconnect = () -> body.onError(new IOException("closed"));
    body.onSubscribe(connection);
    seen.clear();
    body.abort(broken);
    assertEquals(List.of("disconnected", "ended GIVEN_UP " + broken, "broken"), seen);
  }

  @Test
  void abort_whileTheEndOfTheConnectionIsOnItsWay_leavesTheLastSignalToThat() {
    inOnNext =
        () -> {
          body.onComplete();
          body.abort(broken);
        };
    body.onSubscribe(connection);
    seen.clear();
    body.onNext(PIECE);
    assertEquals(List.of("(next", "ended COMPLETE", "next)", "complete"), seen);
  }

  @Test
  void twoEndsOfTheConnection_whileThePieceIsTaken_theFirstCounts() {
    inOnNext =
        () -> {
          body.onError(broken);
          body.onError(new IOException("again"));
          body.onComplete();
        };
    body.onSubscribe(connection);
    seen.clear();
    body.onNext(PIECE);
    assertEquals(List.of("(next", "ended BROKEN " + broken, "next)", "broken"), seen);
  }

  @Test
  void pieceAfterTheEnd_whileAnotherIsTaken_doesNotKeepTheEndBack() {
    inOnNext =
        () -> {
          body.onError(broken);
          body.onNext(PIECE);
        };
    body.onSubscribe(connection);
    seen.clear();
    body.onNext(PIECE);
    assertEquals(List.of("(next", "ended BROKEN " + broken, "next)", "broken"), seen);
  }

  @Test
  void endWhileTwoSignalsAreInside_isToldByTheLastOnTheWayOut() {
    inOnSubscribe = () -> body.onNext(PIECE);
    inOnNext = body::onComplete;
    body.onSubscribe(connection);
    assertEquals(
        List.of("(subscribe", "(next", "ended COMPLETE", "next)", "subscribe)", "complete"), seen);
  }

  @Test
  void subscriberThatThrows_isToldTheEndAllTheSame() {
    inOnSubscribe = WatchedBodyTest::fail;
    assertThrows(IllegalStateException.class, () -> body.onSubscribe(connection));
    inOnNext = WatchedBodyTest::fail;
    assertThrows(IllegalStateException.class, () -> body.onNext(PIECE));
    body.onError(broken);
    assertEquals(List.of("(subscribe", "(next", "ended BROKEN " + broken, "broken"), seen);
  }

  private static void fail() {
    throw new IllegalStateException("a bug of the subscriber");
  }

  @Test
  void result_isTheSubscribers() {
    assertSame(result, body.getBody());
  }

  @Test
  void requests_arePassedAsTheyAre() {
    firstRequest = 2;
    body.onSubscribe(connection);
    body.request(Long.MAX_VALUE);
    body.request(0); // a violation, which the connection answers
    assertEquals(List.of(2L, Long.MAX_VALUE, 0L), requests);
  }

  @Test
  void bodyThatNobodyReads_isGivenUpAfterTheIdleTimeout() {
    firstRequest = 0;
    timer.advance(Duration.ofHours(1)); // as long as it has no connection, others look after it
    body.onSubscribe(connection);
    timer.advance(Duration.ofMinutes(1));
    assertTimedOut(WatchedBody.End.GIVEN_UP, UNREAD);
  }

  @Test
  void bodyThatStandsStill_isBrokenAfterTheIdleTimeout() {
    body.onSubscribe(connection);
    timer.advance(Duration.ofMinutes(1).minusNanos(1));
    assertEquals(1, timer.alarms());
    timer.advance(Duration.ofNanos(1));
    assertTimedOut(WatchedBody.End.BROKEN, STANDING_STILL);
  }

  @Test
  void piece_startsTheIdleTimeoutAgain_whenItComesAndWhenItIsTaken() {
    body.onSubscribe(connection);
    inOnNext = () -> timer.advance(Duration.ofSeconds(50)); // together more than the timeout
    timer.advance(Duration.ofSeconds(50));
    body.onNext(PIECE);
    timer.advance(Duration.ofMinutes(1).minusNanos(1));
    assertFalse(seen.contains("disconnected"), seen::toString);
    timer.advance(Duration.ofNanos(1));
    assertTimedOut(WatchedBody.End.BROKEN, STANDING_STILL);
  }

  @Test
  void request_startsTheIdleTimeoutAgain() {
    firstRequest = 0;
    body.onSubscribe(connection);
    timer.advance(Duration.ofSeconds(50));
    body.request(1);
    timer.advance(Duration.ofMinutes(1).minusNanos(1));
    assertFalse(seen.contains("disconnected"), seen::toString);
    timer.advance(Duration.ofNanos(1));
    assertTimedOut(WatchedBody.End.BROKEN, STANDING_STILL);
  }

  @Test
  void request_ofNothing_doesNotStartTheIdleTimeoutAgain() {
    firstRequest = 0;
    body.onSubscribe(connection);
    timer.advance(Duration.ofSeconds(50));
    body.request(0);
    body.request(-1);
    timer.advance(Duration.ofSeconds(10));
    assertTimedOut(WatchedBody.End.GIVEN_UP, UNREAD);
  }

  @Test
  void demand_isWhatWasRequestedAndHasNotCome() {
    firstRequest = 1;
    body.onSubscribe(connection);
    body.request(1);
    body.onNext(PIECE);
    timer.advance(Duration.ofSeconds(59));
    body.onNext(PIECE); // now all that the reader wanted is here
    timer.advance(Duration.ofMinutes(1));
    assertTimedOut(WatchedBody.End.GIVEN_UP, UNREAD);
  }

  @Test
  void demand_ofTwoRequests_addsUp() {
    firstRequest = 1;
    body.onSubscribe(connection);
    body.request(1);
    body.onNext(PIECE);
    timer.advance(Duration.ofMinutes(1));
    assertTimedOut(WatchedBody.End.BROKEN, STANDING_STILL);
  }

  @Test
  void demand_beyondAllNumbers_stopsAtTheBound() {
    body.onSubscribe(connection);
    body.request(Long.MAX_VALUE);
    body.request(2); // 2 MAX + 2 is zero for a long that wraps
    timer.advance(Duration.ofMinutes(1));
    assertTimedOut(WatchedBody.End.BROKEN, STANDING_STILL);
  }

  @Test
  void abort_whileTheAlarmIsBeingSet_leavesNoAlarm() {
    AtomicReference<WatchedBody<Void>> late = new AtomicReference<>();
    Timer slow =
        new Timer() {
          @Override
          public long nanoTime() {
            return timer.nanoTime();
          }

          @Override
          public Instant now() {
            return timer.now();
          }

          @Override
          public Future<?> after(long nanos, Runnable action) {
            late.get().abort(broken);
            return timer.after(nanos, action);
          }
        };
    late.set(
        new WatchedBody<>(new Recorder(), slow, 1_000, "", (end, failure) -> seen.add("ended")));
    late.get().onSubscribe(connection);
    assertEquals(List.of("disconnected", "ended", "(subscribe", "subscribe)", "broken"), seen);
    assertEquals(0, timer.alarms());
  }

  private void assertTimedOut(WatchedBody.End end, String message) {
    HttpTimeoutException failure = assertInstanceOf(HttpTimeoutException.class, body.failure());
    assertEquals(message, failure.getMessage());
    assertEquals(
        List.of("disconnected", "ended " + end + " " + failure, message),
        seen.subList(seen.size() - 3, seen.size()));
    assertEquals(0, timer.alarms());
    assertFalse(Thread.interrupted(), "the thread of the timer goes on to other alarms");
  }
}
