package dev.bouncer.http;

import dev.bouncer.Outcome;
import java.net.URI;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One attempt of a call that has ended, its body included: what {@link
 * LimitedHttpClient.Builder#onAttempt} and the listener of a single call are told.
 *
 * @param method the method of this attempt's request
 * @param uri the address of this attempt's request; after a redirect not the one that was asked for
 * @param host its host, as {@link LimitedHttpClient.Builder#perHost} names it
 * @param number 1 for the first attempt of the call, counting retries and redirects
 * @param waited how long the attempt waited for its permits and for the end of the host's pause
 * @param took how long it held its permits: from the request to the end of the body
 * @param status the status code, if there was a response
 * @param outcome what the limiters were told
 * @param failure why there was no response, or why its body is incomplete
 * @param repeated whether the call goes on with another attempt because of this one's failure or
 *     status; not for a redirect
 */
public record AttemptEvent(
    String method,
    URI uri,
    String host,
    int number,
    Duration waited,
    Duration took,
    OptionalInt status,
    Outcome outcome,
    Optional<Throwable> failure,
    boolean repeated) {

  /**
   * Makes an event.
   *
   * @throws NullPointerException if anything is null
   */
  public AttemptEvent {
    Objects.requireNonNull(method, "method");
    Objects.requireNonNull(uri, "uri");
    Objects.requireNonNull(host, "host");
    Objects.requireNonNull(waited, "waited");
    Objects.requireNonNull(took, "took");
    Objects.requireNonNull(status, "status");
    Objects.requireNonNull(outcome, "outcome");
    Objects.requireNonNull(failure, "failure");
  }
}
