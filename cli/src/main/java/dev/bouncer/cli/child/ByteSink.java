package dev.bouncer.cli.child;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Takes what a child process writes, piece by piece. */
@FunctionalInterface
public interface ByteSink {

  /**
   * Takes the next bytes.
   *
   * @param bytes what was written; the buffer is used again when this method has returned
   * @throws IOException if the bytes cannot be kept
   */
  void accept(ByteBuffer bytes) throws IOException;
}
