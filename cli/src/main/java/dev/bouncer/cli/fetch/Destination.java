package dev.bouncer.cli.fetch;

import dev.bouncer.cli.child.ByteSink;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where bodies go. Used by many threads. */
interface Destination extends AutoCloseable {

  /** Returns the file of this body, if it came whole in an earlier run. */
  @Nullable String find(Url url);

  /** A body could not be stored. */
  final class UnwritableException extends IOException {
    private static final long serialVersionUID = 1L;

    UnwritableException(IOException cause) {
      super("cannot write the body: " + Reason.messageOf(cause), cause);
    }
  }

  /** Prepares the place of a body; nothing is to be seen there before it is kept. */
  Part open(Url url) throws IOException;

  /** Removes what has not been kept. */
  @Override
  void close();

  /** A body on its way. Thread-safe, so that a run can be stopped. */
  interface Part extends AutoCloseable {

    /**
     * Forgets what came so far, because an attempt begins; returns what takes its bytes. What
     * earlier attempts got takes nothing any more.
     */
    ByteSink restart() throws IOException;

    /** Makes the body, which is whole now, appear at its place; returns the file, if it is one. */
    @Nullable String keep() throws IOException;

    /** Removes what was not kept. */
    @Override
    void close();
  }
}
