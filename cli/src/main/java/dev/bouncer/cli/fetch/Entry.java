package dev.bouncer.cli.fetch;

import java.time.Duration;
import java.time.Instant;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How the fetching of one URL ended: a line of the report.
 *
 * @param at when it ended
 * @param url as it was given
 * @param status of the last response, if there was one
 * @param ok whether the body is here, whole
 * @param file where the body is, if it is in a file
 * @param bytes how long the body is, if it is here
 * @param attempts how many requests were sent, redirects included
 * @param redirectedTo where the last attempt was sent, if not to the URL
 * @param waited how long the attempts waited for their turn
 * @param took how long the last attempt took, from the request to the end of the body
 * @param error why the body is not here
 */
record Entry(
    Instant at,
    String url,
    OptionalInt status,
    boolean ok,
    @Nullable String file,
    OptionalLong bytes,
    int attempts,
    @Nullable String redirectedTo,
    Duration waited,
    Duration took,
    @Nullable String error) {

  /** What came in an earlier run that was killed before it could report it. */
  static Entry found(Instant at, String url, String file) {
    return new Entry(
        at,
        url,
        OptionalInt.empty(),
        true,
        file,
        OptionalLong.empty(),
        0,
        null,
        Duration.ZERO,
        Duration.ZERO,
        null);
  }

  static Entry malformed(Instant at, String url, String error) {
    return new Entry(
        at,
        url,
        OptionalInt.empty(),
        false,
        null,
        OptionalLong.empty(),
        0,
        null,
        Duration.ZERO,
        Duration.ZERO,
        error);
  }
}
