package dev.bouncer.cli.fetch;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ProtocolException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.CompletionException;
import javax.net.ssl.SSLException;

/**
 * Why a URL could not be fetched, in one sentence. What the network throws often has no message, or
 * one that only its author understands.
 */
final class Reason {
  private Reason() {}

  /**
   * Returns the reason.
   *
   * @param failure what the call failed with
   * @param status of the response, if one had begun
   * @param timeout how long nothing may come, as the user said
   */
  static String of(Throwable failure, OptionalInt status, Duration timeout) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (hasCause(cause, UnresolvedAddressException.class)) {
      return "host is unknown";
    }
    return switch (cause) {
      case Destination.UnwritableException unwritable -> String.valueOf(unwritable.getMessage());
      case HttpConnectTimeoutException _ ->
          "cannot connect: nothing answered for " + shown(timeout);
      case HttpTimeoutException _ when status.isPresent() ->
          "body was cut short: nothing came for " + shown(timeout);
      case HttpTimeoutException _ -> "no answer: nothing came for " + shown(timeout);
      case ConnectException refused ->
          "cannot connect: "
              + (refused.getMessage() == null ? "nobody listens there" : refused.getMessage());
      case SSLException wrong -> "no secure connection: " + wrong.getMessage();
      case ProtocolException wrong -> String.valueOf(wrong.getMessage());
      case IOException broken when status.isPresent() -> "body was cut short: " + messageOf(broken);
      case IOException broken ->
          "no answer: "
              + (hasCause(broken, EOFException.class)
                  ? "the server closed the connection"
                  : messageOf(broken));
      default -> messageOf(cause);
    };
  }

  private static boolean hasCause(Throwable failure, Class<? extends Throwable> kind) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (kind.isInstance(cause)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the message, after the name of the exception unless that says nothing. */
  static String messageOf(Throwable failure) {
    String message = failure.getMessage();
    String kind = failure.getClass().getSimpleName();
    if (message == null) {
      return kind;
    }
    return failure.getClass() == IOException.class ? message : kind + ": " + message;
  }

  private static String shown(Duration time) {
    return time.toString().substring("PT".length()).toLowerCase(Locale.ROOT);
  }
}
