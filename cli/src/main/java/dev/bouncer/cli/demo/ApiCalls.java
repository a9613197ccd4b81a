package dev.bouncer.cli.demo;

import dev.bouncer.AsyncSemaphore;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Situation 1: many calls at once to an API that takes only a few. */
final class ApiCalls {
  static final int CALLS = 20;
  static final int ALLOWED = 5;
  private static final Duration CALL_TIME = Duration.ofSeconds(2);

  private final Narrator narrator;
  private final Duration callTime;

  ApiCalls(Narrator narrator, int speed) {
    this.narrator = narrator;
    this.callTime = CALL_TIME.dividedBy(speed);
  }

  /** Makes the calls through a semaphore and returns what the server saw. */
  SmallServer.Seen limited() throws IOException, InterruptedException {
    try (SmallServer server = new SmallServer(ALLOWED, callTime);
        HttpClient client = HttpClient.newHttpClient();
        AsyncSemaphore semaphore = AsyncSemaphore.of(ALLOWED)) {
      warmUp(client, server);
      narrator.say("");
      narrator.say(
          "1. An API that allows %d calls at once, %.1f s each: %d calls through AsyncSemaphore.of(%d)"
              .formatted(ALLOWED, callTime.toNanos() / 1e9, CALLS, ALLOWED));
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (int i = 1; i <= CALLS; i++) {
        int number = i;
        calls.add(semaphore.callAsync(() -> call(client, server, number)));
      }
      CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new)).join();
      return server.seen();
    }
  }

  private CompletableFuture<?> call(HttpClient client, SmallServer server, int number) {
    narrator.sayNow("call %2d has its permit".formatted(number));
    return client
        .sendAsync(request(server), HttpResponse.BodyHandlers.discarding())
        .whenComplete((response, failure) ->
            narrator.sayNow(
                "call %2d gives it back: %s"
                    .formatted(number, failure == null ? response.statusCode() : failure)));
  }

  /** Makes the same calls without anything in between. */
  SmallServer.Seen unlimited() throws IOException, InterruptedException {
    try (SmallServer server = new SmallServer(ALLOWED, callTime);
        HttpClient client = HttpClient.newHttpClient()) {
      warmUp(client, server);
      List<CompletableFuture<?>> calls = new ArrayList<>();
      for (int i = 1; i <= CALLS; i++) {
        calls.add(client.sendAsync(request(server), HttpResponse.BodyHandlers.discarding()));
      }
      CompletableFuture.allOf(calls.toArray(CompletableFuture<?>[]::new)).join();
      return server.seen();
    }
  }

  /** The first call of a client loads half of it; that is not what is to be seen here. */
  private static void warmUp(HttpClient client, SmallServer server)
      throws IOException, InterruptedException {
    client.send(
        HttpRequest.newBuilder(server.readyAddress()).build(),
        HttpResponse.BodyHandlers.discarding());
  }

  private static HttpRequest request(SmallServer server) {
    return HttpRequest.newBuilder(server.callAddress()).build();
  }
}
