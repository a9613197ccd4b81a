package dev.bouncer.http;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** What an attempt came to. */
sealed interface Answer<T> {

  /** Whether the attempt should be made again. */
  default boolean isToBeRepeated() {
    return false;
  }

  /** The user gets this response. */
  record Delivered<T>(HttpResponse<T> response) implements Answer<T> {}

  /** The server said to come back later, and there is another attempt left. */
  record Refused<T>(int status) implements Answer<T> {
    @Override
    public boolean isToBeRepeated() {
      return true;
    }
  }

  /** The server sent the call elsewhere. */
  record Redirected<T>(HttpRequest next) implements Answer<T> {}

  /** There is no response. */
  record Failed<T>(Throwable failure, boolean isToBeRepeated) implements Answer<T> {}
}
