package dev.bouncer.cli.run;

import dev.bouncer.cli.Terminal;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The two standard outputs. One job's output is written at a time, messages go in between, and the
 * status line, if there is one, is always the last thing on the terminal and never part of what
 * stays.
 */
public final class Console {
  private static final String ERASE_LINE = "\r\033[K";

  private final WritableByteChannel output;
  private final WritableByteChannel errors;
  private final boolean outputIsTerminal;
  private final boolean errorsAreTerminal;

  /** Guards what follows, and both channels. */
  private final ReentrantLock lock = new ReentrantLock();

  private boolean statusShown;
  private boolean insideLine;
  private boolean statusEnded;

  /**
   * Returns the console of this process.
   *
   * @return its standard output and standard error
   */
  public static Console ofProcess() {
    return new Console(
        new FileOutputStream(FileDescriptor.out).getChannel(),
        new FileOutputStream(FileDescriptor.err).getChannel(),
        Terminal.isTerminal(1),
        Terminal.isTerminal(2));
  }

  /**
   * Makes a console of two channels.
   *
   * @param output the standard output
   * @param errors the standard error
   * @param outputIsTerminal whether the first is a terminal
   * @param errorsAreTerminal whether the second is one
   */
  public Console(
      WritableByteChannel output,
      WritableByteChannel errors,
      boolean outputIsTerminal,
      boolean errorsAreTerminal) {
    this.output = output;
    this.errors = errors;
    this.outputIsTerminal = outputIsTerminal;
    this.errorsAreTerminal = errorsAreTerminal;
  }

  /**
   * Writes a job's output.
   *
   * @param job what it wrote
   * @throws IOException if the standard output takes no more
   */
  public void write(JobOutput job) throws IOException {
    if (job.output.isEmpty() && job.errors.isEmpty()) {
      return;
    }
    lock.lock();
    try {
      eraseStatus();
      if (!job.output.isEmpty()) {
        job.output.writeTo(output);
        insideLine = outputIsTerminal ? job.output.endsInsideLine() : insideLine;
      }
      if (!job.errors.isEmpty()) {
        try {
          job.errors.writeTo(errors);
          insideLine = errorsAreTerminal ? job.errors.endsInsideLine() : insideLine;
        } catch (IOException nobodyReads) {
          // The jobs are run for their work and their output; losing errors stops neither.
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Prints a line on the standard error.
   *
   * @param text the line
   */
  public void message(String text) {
    lock.lock();
    try {
      eraseStatus();
      startLine();
      print(text + "\n");
    } finally {
      lock.unlock();
    }
  }

  /**
   * Shows a status line in place of the last one. Does nothing once {@link #endStatus} was called.
   */
  void status(String text) {
    lock.lock();
    try {
      if (statusEnded) {
        return;
      }
      startLine();
      print(ERASE_LINE + text);
      statusShown = true;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes the status line away for good. Gives up after a moment when the console is stuck in a
   * write, so that a paused terminal cannot keep a dying command.
   */
  public void endStatus() {
    boolean locked = false;
    try {
      locked = lock.tryLock(100, TimeUnit.MILLISECONDS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    if (locked) {
      try {
        statusEnded = true;
        eraseStatus();
      } finally {
        lock.unlock();
      }
    }
  }

  private void eraseStatus() {
    if (statusShown) {
      print(ERASE_LINE);
      statusShown = false;
    }
  }

  /** A status line or a message must not run on in the last line of a job's output. */
  private void startLine() {
    if (insideLine) {
      print("\n");
      insideLine = false;
    }
  }

  private void print(String text) {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    try {
      while (bytes.hasRemaining()) {
        errors.write(bytes);
      }
    } catch (IOException nobodyReads) {
      // There is nowhere else to say it.
    }
  }
}
