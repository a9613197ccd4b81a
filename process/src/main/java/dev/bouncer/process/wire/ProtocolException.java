package dev.bouncer.process.wire;

import java.io.IOException;

/** What arrived is not what the other end of this build would have sent. */
public final class ProtocolException extends IOException {
  private static final long serialVersionUID = 1;

  /**
   * Says what was wrong.
   *
   * @param message the sentence
   */
  public ProtocolException(String message) {
    super(message);
  }
}
