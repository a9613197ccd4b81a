package dev.bouncer.process;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Reads what one worker prints, line by line, and keeps the end of it for the message of a crash.
 */
final class OutputPump implements Runnable {
  private static final int TAIL = 8 << 10;

  private final InputStream source;
  private final String pool;
  private final int workerId;
  private final WorkerOutput sink;
  private final CountDownLatch ended = new CountDownLatch(1);

  // guarded by this
  private final byte[] tail = new byte[TAIL];
  private long total;

  OutputPump(InputStream source, String pool, int workerId, WorkerOutput sink) {
    this.source = source;
    this.pool = pool;
    this.workerId = workerId;
    this.sink = sink;
  }

  @Override
  public void run() {
    byte[] buffer = new byte[TAIL];
    ByteArrayOutputStream line = new ByteArrayOutputStream(256);
    try (source) {
      for (int count = source.read(buffer); count >= 0; count = source.read(buffer)) {
        keep(buffer, count);
        split(buffer, count, line);
      }
    } catch (IOException closed) {
      // The worker is gone; so is what it would have printed.
    } finally {
      ended.countDown();
      if (line.size() > 0) {
        emit(line);
      }
    }
  }

  /** Returns the last that the worker printed, once it has all been read or the wait is over. */
  String tail(long waitMillis) {
    boolean interrupted = false;
    try {
      var _ = ended.await(waitMillis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException stop) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      int length = (int) Math.min(total, TAIL);
      int end = (int) (total % TAIL);
      byte[] last = new byte[length];
      for (int i = 0; i < length; i++) {
        last[i] = tail[Math.floorMod(end - length + i, TAIL)];
      }
      return new String(last, StandardCharsets.UTF_8);
    }
  }

  private synchronized void keep(byte[] buffer, int count) {
    for (int i = 0; i < count; i++) {
      tail[(int) ((total + i) % TAIL)] = buffer[i];
    }
    total += count;
  }

  private void split(byte[] buffer, int count, ByteArrayOutputStream line) {
    int start = 0;
    for (int i = 0; i < count; i++) {
      if (buffer[i] == '\n') {
        line.write(buffer, start, i - start);
        emit(line);
        start = i + 1;
      }
    }
    line.write(buffer, start, count - start);
    if (line.size() >= TAIL) {
      emit(line);
    }
  }

  private void emit(ByteArrayOutputStream line) {
    String text = line.toString(StandardCharsets.UTF_8);
    line.reset();
    try {
      sink.line(pool, workerId, text.endsWith("\r") ? text.substring(0, text.length() - 1) : text);
    } catch (RuntimeException | Error ignored) {
      // The sink's own fault must not leave the worker's pipe unread.
    }
  }
}
