package dev.bouncer.process;

import dev.bouncer.process.wire.Ledger;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Everything that a worker ever said: what came through its pipe, and, when that has ended and the
 * worker is dead, what it had noted in its ledger but not sent. Used by one thread.
 */
final class RecoveredStream extends InputStream {
  private final InputStream pipe;
  private final Runnable awaitDeath;
  private final Supplier<@Nullable Ledger> ledger;
  private long received;
  private @Nullable ByteArrayInputStream rest;

  RecoveredStream(InputStream pipe, Runnable awaitDeath, Supplier<@Nullable Ledger> ledger) {
    this.pipe = pipe;
    this.awaitDeath = awaitDeath;
    this.ledger = ledger;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    if (rest != null) {
      return rest.read(target, offset, length);
    }
    int count = pipe.read(target, offset, length);
    if (count >= 0) {
      received += count;
      return count;
    }
    awaitDeath.run();
    Ledger kept = ledger.get();
    rest = new ByteArrayInputStream(kept == null ? new byte[0] : kept.unsent(received));
    return rest.read(target, offset, length);
  }

  @Override
  public int available() throws IOException {
    return rest == null ? pipe.available() : rest.available();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }
}
