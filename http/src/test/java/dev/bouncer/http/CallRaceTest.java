package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.AsyncSemaphore;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What can happen to a call, at the same moment: its future completes, each permit comes back once,
 * each attempt is told of once, and no connection stays behind.
 */
@Timeout(300)
final class CallRaceTest {
  private static final Duration DEADLINE = Duration.ofMinutes(3);
  private static final Duration LONGEST_BACKOFF = Duration.ofMinutes(1);
  private static final Duration IDLE = Duration.ofMinutes(5);

  /** One collects the body, one reads it as it comes, and one waits for its user to do so. */
  private static final List<BodyHandler<?>> HANDLERS =
      List.of(BodyHandlers.ofString(), new Streaming(), BodyHandlers.ofInputStream());

  private static final HttpRequest REQUEST =
      HttpRequest.newBuilder(URI.create("http://127.0.0.1/")).build();

  enum Race {
    CANCEL_AGAINST_THE_RESPONSE {
      @Override
      void run(Together together, Round round) throws Exception {
        round.call();
        together.run(() -> round.answerAll(200), round::cancel);
      }
    },
    CANCEL_AGAINST_THE_GRANT {
      @Override
      void run(Together together, Round round) throws Exception {
        var before = round.semaphore.tryAcquire().orElseThrow();
        round.call();
        together.run(before::close, round::cancel);
        round.answerAll(200);
      }
    },
    CLOSE_AGAINST_A_RETRY {
      @Override
      void run(Together together, Round round) throws Exception {
        round.call();
        round.answerAll(503);
        together.run(
            () -> {
              round.timer.advance(LONGEST_BACKOFF);
              round.answerAll(200);
            },
            round.client::shutdownNow);
      }
    },
    CANCEL_AGAINST_A_RETRY {
      @Override
      void run(Together together, Round round) throws Exception {
        round.call();
        together.run(
            () -> {
              round.answerAll(503);
              round.timer.advance(LONGEST_BACKOFF);
              round.answerAll(200);
            },
            round::cancel);
      }
    },
    DEADLINE_AGAINST_THE_FIRST_BYTE {
      @Override
      void run(Together together, Round round) throws Exception {
        round.call();
        together.run(() -> round.answerAll(200), () -> round.timer.advance(DEADLINE));
      }
    },
    CLOSE_AND_CANCEL_AND_DEADLINE_AGAINST_THE_RESPONSE {
      @Override
      void run(Together together, Round round) throws Exception {
        round.call();
        together.run(
            () -> round.answerAll(200),
            round::cancel,
            round.client::shutdownNow,
            () -> round.timer.advance(DEADLINE));
      }
    };

    abstract void run(Together together, Round round) throws Exception;
  }

  @Test
  void readerThatGivesUp_permitsAndListenersComeBeforeTheFuture() throws Exception {
    giveUp(2_000);
  }

  @Test
  @Tag("deep")
  void readerThatGivesUp_permitsAndListenersComeBeforeTheFuture_manyTimes() throws Exception {
    giveUp(25_000);
  }

  /** A body that fails by itself is cancelled on one thread while its future fails on another. */
  private static void giveUp(int rounds) throws Exception {
    try (Together together = new Together()) {
      for (int i = 0; i < rounds; i++) {
        GivingUp handler = new GivingUp();
        Round round = new Round(Race.CANCEL_AGAINST_THE_RESPONSE, i, handler);
        round.call();
        List<Integer> before = new CopyOnWriteArrayList<>();
        var _ =
            round.call.whenComplete((_, _) -> {
              before.add(round.attempts.size());
              before.add(round.limiter.closings());
            });
        round.answerAll(200);
        together.run(handler::fail, handler::cancel);
        assertEquals(List.of(1, 1), before, round::toString);
        assertEquals(200, round.attempts.element().status().orElse(0), round::toString);
        round.check();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void race_endsOnce(Race race) throws Exception {
    many(race, 1_000);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("deep")
  void race_endsOnce_manyTimes(Race race) throws Exception {
    many(race, 15_000);
  }

  private static void many(Race race, int rounds) throws Exception {
    try (Together together = new Together()) {
      for (int i = 0; i < rounds; i++) {
        Round round = new Round(race, i, HANDLERS.get(i % HANDLERS.size()));
        race.run(together, round);
        round.check();
      }
    }
  }

  /** One client and one call. */
  static final class Round {
    private final String name;
    private final BodyHandler<?> handler;
    private final ManualTimer timer = new ManualTimer();
    private final AsyncSemaphore semaphore = AsyncSemaphore.of(1);
    private final OutcomeRecorder limiter = new OutcomeRecorder(semaphore);
    private final ScriptedClient network = new ScriptedClient();
    private final ConcurrentLinkedQueue<AttemptEvent> attempts = new ConcurrentLinkedQueue<>();
    private final AtomicInteger completions = new AtomicInteger();
    private final LimitedHttpClient client =
        LimitedHttpClient.builder(network, timer)
            .limiter(limiter)
            .retries(1)
            .backoff(Duration.ofSeconds(1), LONGEST_BACKOFF)
            .idleTimeout(IDLE)
            .deadline(DEADLINE)
            .onAttempt(attempts::add)
            .build();
    private CompletableFuture<? extends HttpResponse<?>> call = new CompletableFuture<>();

    Round(Race race, int number, BodyHandler<?> handler) {
      this.name = race + " round=" + number + " handler=" + HANDLERS.indexOf(handler);
      this.handler = handler;
    }

    void call() {
      call = client.sendAsync(REQUEST, handler);
      var _ =
          call.whenComplete((response, _) -> {
            completions.incrementAndGet();
            if (response != null && response.body() instanceof InputStream unread) {
              close(unread);
            }
          });
    }

    private static void close(InputStream unread) {
      try {
        unread.close();
      } catch (IOException impossible) {
        throw new AssertionError(impossible);
      }
    }

    void cancel() {
      call.cancel(true);
    }

    /** Answers all requests that have no answer. */
    void answerAll(int status) {
      for (ScriptedClient.Exchange<?> exchange : network.exchanges()) {
        if (!exchange.isOver()) {
          exchange.answer(status);
        }
      }
    }

    void check() {
      assertTrue(call.isDone(), this::toString);
      assertEquals(1, completions.get(), this::toString);
      assertEquals(limiter.granted(), limiter.closings(), this::toString);
      assertEquals(0, semaphore.inUse(), this::toString);
      assertEquals(0, semaphore.waiting(), this::toString);
      for (ScriptedClient.Exchange<?> exchange : network.exchanges()) {
        assertTrue(exchange.isOver(), this::toString);
      }
      List<Integer> numbers = attempts.stream().map(AttemptEvent::number).sorted().toList();
      assertEquals(numbers.stream().distinct().toList(), numbers, this::toString);
      assertTrue(numbers.size() >= network.exchanges().size(), this::toString);
      assertEquals(0, timer.alarms(), this::toString);
      assertTrue(client.toString().contains("calls=0"), this::toString);
      client.shutdown();
      assertTrue(client.isTerminated(), this::toString);
    }

    @Override
    public String toString() {
      return "%s call=%s granted=%d closings=%d inUse=%d alarms=%d exchanges=%s attempts=%s client=%s"
          .formatted(
              name,
              call,
              limiter.granted(),
              limiter.closings(),
              semaphore.inUse(),
              timer.alarms(),
              network.exchanges().stream().map(ScriptedClient.Exchange::isOver).toList(),
              attempts,
              client);
    }
  }

  /** Hands the response out with its headers, and reads the body on. */
  private static final class Streaming implements BodyHandler<String> {
    @Override
    public BodySubscriber<String> apply(HttpResponse.ResponseInfo info) {
      return new BodySubscriber<>() {
        @Override
        public CompletionStage<String> getBody() {
          return CompletableFuture.completedFuture("streamed");
        }

        @Override
        public void onSubscribe(Subscription subscription) {
          subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(List<ByteBuffer> pieces) {}

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onComplete() {}
      };
    }
  }

  /** Cannot store what comes. */
  private static final class GivingUp implements BodyHandler<String> {
    private final CompletableFuture<String> body = new CompletableFuture<>();
    private final AtomicReference<Subscription> source = new AtomicReference<>();

    void fail() {
      body.completeExceptionally(new IOException("full"));
    }

    void cancel() {
      source.get().cancel();
    }

    @Override
    public BodySubscriber<String> apply(HttpResponse.ResponseInfo info) {
      return new BodySubscriber<>() {
        @Override
        public CompletionStage<String> getBody() {
          return body;
        }

        @Override
        public void onSubscribe(Subscription subscription) {
          source.set(subscription);
        }

        @Override
        public void onNext(List<ByteBuffer> pieces) {}

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onComplete() {}
      };
    }
  }
}
