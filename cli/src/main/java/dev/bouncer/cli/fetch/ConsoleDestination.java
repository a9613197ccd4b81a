package dev.bouncer.cli.fetch;

import dev.bouncer.cli.child.ByteSink;
import dev.bouncer.cli.run.Console;
import dev.bouncer.cli.run.JobOutput;
import dev.bouncer.cli.run.MemoryBudget;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The standard output: whole bodies, one after the other, as they come in. */
final class ConsoleDestination implements Destination {
  private static final long BODIES_IN_MEMORY = 32L << 20;

  private final Console console;
  private final MemoryBudget memory = new MemoryBudget(BODIES_IN_MEMORY);

  ConsoleDestination(Console console) {
    this.console = console;
  }

  /** Nothing that was printed can be found again: the report knows it, if there is one. */
  @Override
  public @Nullable String find(Url url) {
    return null;
  }

  @Override
  public Part open(Url url) {
    return new PrintedPart();
  }

  @Override
  public void close() {}

  /** The standard output takes no more. */
  static final class OutputException extends IOException {
    private static final long serialVersionUID = 1L;

    OutputException(IOException cause) {
      super(cause.getMessage(), cause);
    }
  }

  private final class PrintedPart implements Part {
    private JobOutput body = new JobOutput(memory); // guarded by this, as is the next
    private boolean closed;

    @Override
    public synchronized ByteSink restart() {
      body.close();
      JobOutput started = new JobOutput(memory);
      body = started;
      return bytes -> {
        synchronized (this) {
          if (closed || body != started) {
            throw new IOException("the download was stopped");
          }
          started.output.accept(bytes);
        }
      };
    }

    @Override
    public synchronized @Nullable String keep() throws IOException {
      try {
        console.write(body);
      } catch (IOException unwritable) {
        throw new OutputException(unwritable);
      }
      return null;
    }

    @Override
    public synchronized void close() {
      closed = true;
      body.close();
    }
  }
}
