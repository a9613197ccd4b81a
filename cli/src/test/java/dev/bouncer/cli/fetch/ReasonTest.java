package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ProtocolException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ReasonTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(90);

  private static Arguments says(String reason, Throwable failure) {
    return Arguments.of(reason, failure);
  }

  private static <T extends Throwable> T because(T failure, Throwable cause) {
    failure.initCause(cause);
    return failure;
  }

  private static Stream<Arguments> withoutAnAnswer() {
    return Stream.of(
        says(
            "host is unknown",
            because(
                new ConnectException(),
                because(new ConnectException(), new UnresolvedAddressException()))),
        says(
            "cannot connect: nobody listens there",
            because(new ConnectException(), new ClosedChannelException())),
        says("cannot connect: No route to host", new ConnectException("No route to host")),
        says(
            "cannot connect: nothing answered for 1m30s",
            new HttpConnectTimeoutException("HTTP connect timed out")),
        says("no answer: nothing came for 1m30s", new HttpTimeoutException("request timed out")),
        says(
            "no answer: the server closed the connection",
            new IOException("HTTP/1.1 header parser received no bytes", new EOFException())),
        says("no answer: Connection reset", new IOException("Connection reset")),
        says("no answer: ClosedChannelException", new ClosedChannelException()),
        says(
            "no secure connection: PKIX path building failed",
            new SSLHandshakeException("PKIX path building failed")),
        says("Invalid status line: \"SSH\"", new ProtocolException("Invalid status line: \"SSH\"")),
        says(
            "cannot write the body: No space left on device",
            new Destination.UnwritableException(new IOException("No space left on device"))),
        says("IllegalStateException: no permit", new IllegalStateException("no permit")));
  }

  @ParameterizedTest
  @MethodSource
  void withoutAnAnswer(String reason, Throwable failure) {
    assertEquals(reason, Reason.of(failure, OptionalInt.empty(), TIMEOUT));
    assertEquals(reason, Reason.of(new CompletionException(failure), OptionalInt.empty(), TIMEOUT));
  }

  @Test
  void answerThatBreaksOff_isCutShort() {
    OptionalInt begun = OptionalInt.of(200);
    assertEquals(
        "body was cut short: Connection reset",
        Reason.of(new IOException("Connection reset"), begun, TIMEOUT));
    assertEquals(
        "body was cut short: nothing came for 1m30s",
        Reason.of(new HttpTimeoutException("body must go on"), begun, TIMEOUT));
    assertEquals(
        "cannot write the body: Disk quota exceeded",
        Reason.of(
            new Destination.UnwritableException(new IOException("Disk quota exceeded")),
            begun,
            TIMEOUT));
  }
}
