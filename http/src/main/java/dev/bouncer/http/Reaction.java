package dev.bouncer.http;

import dev.bouncer.Outcome;
import org.jspecify.annotations.Nullable;

/**
 * What an attempt makes of a response: decided when the headers came, and then how the body went.
 */
final class Reaction<T> {
  private final int status;
  private final Outcome outcome;
  private final Attempt.@Nullable Answer<T> answer;
  private volatile @Nullable WatchedBody<T> body;
  private volatile WatchedBody.@Nullable End bodyEnd;

  /**
   * Makes a reaction.
   *
   * @param answer null if the user gets the response
   */
  Reaction(int status, Outcome outcome, Attempt.@Nullable Answer<T> answer) {
    this.status = status;
    this.outcome = outcome;
    this.answer = answer;
  }

  int status() {
    return status;
  }

  Outcome outcome() {
    return outcome;
  }

  Attempt.@Nullable Answer<T> answer() {
    return answer;
  }

  /** The body is on its way. */
  void began(WatchedBody<T> next) {
    body = next;
  }

  void ended(WatchedBody.End how) {
    bodyEnd = how;
  }

  /** Returns the body, or null if it has not begun. */
  @Nullable WatchedBody<T> body() {
    return body;
  }

  /** Returns how the body ended, or null if it has not. */
  WatchedBody.@Nullable End bodyEnd() {
    return bodyEnd;
  }
}
