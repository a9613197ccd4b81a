package dev.bouncer.cli.run;

import dev.bouncer.Limiter;
import dev.bouncer.Permit;
import dev.bouncer.cli.child.Children;
import dev.bouncer.cli.child.ChildrenClosedException;
import dev.bouncer.cli.child.Ending;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One {@code bouncer run}: reads an input, waits for a permit, runs the job on a thread of its own,
 * and so on to the end of the inputs.
 *
 * <p>The limiter alone decides how many jobs run. An input is read before its permit is asked for,
 * so that a slow source of inputs holds no permit; a permit is given back when the job has ended
 * and its output has been written (or, in input order, handed to {@link OutputOrder}), so that a
 * slow reader of the output slows the jobs down and fills no memory.
 */
final class Run {
  /** How a run ends; the numbers are the exit codes of the command. */
  static final int ALL_SUCCEEDED = 0;

  static final int SOME_FAILED = 1;

  /** What a shell reports for a command that the signal SIGPIPE ended. */
  static final int OUTPUT_CLOSED = 128 + 13;

  private static final long OUTPUT_IN_MEMORY = 32L << 20;

  private final CommandTemplate template;
  private final InputSource inputs;
  private final Limiter limiter;
  private final @Nullable Limiter shared;
  private final @Nullable Limiter window;
  private final @Nullable Duration timeout;
  private final Children children;
  private final Console console;
  private final Tally tally;
  private final IntConsumer exit;

  private final MemoryBudget memory = new MemoryBudget(OUTPUT_IN_MEMORY);
  private final OutputOrder order;
  private final AtomicBoolean aborted = new AtomicBoolean();

  /**
   * Prepares a run.
   *
   * @param shared a limit that other machines share, taken after {@code limiter}, or null
   * @param window null to write outputs as jobs end; else they are written in input order, and this
   *     bounds how many jobs are running or ahead of the slowest
   * @param timeout for each job, or null
   * @param exit ends the process with an exit code while the run is in the middle; may return
   */
  Run(
      CommandTemplate template,
      InputSource inputs,
      Limiter limiter,
      @Nullable Limiter shared,
      @Nullable Limiter window,
      @Nullable Duration timeout,
      Children children,
      Console console,
      Tally tally,
      IntConsumer exit) {
    this.template = template;
    this.inputs = inputs;
    this.limiter = limiter;
    this.shared = shared;
    this.window = window;
    this.timeout = timeout;
    this.children = children;
    this.console = console;
    this.tally = tally;
    this.exit = exit;
    this.order = new OutputOrder(console);
  }

  /** Runs every job and returns the exit code. */
  int untilEnd() throws IOException, InterruptedException {
    ExecutorService threads =
        Executors.newCachedThreadPool(Thread.ofPlatform().name("job-", 0).daemon().factory());
    try {
      Input input;
      for (long number = 0; !aborted.get() && (input = inputs.next()) != null; number++) {
        start(threads, input, number);
      }
    } finally {
      threads.close();
    }
    tally.snapshot().summary().forEach(console::message);
    return tally.snapshot().failed() == 0 ? ALL_SUCCEEDED : SOME_FAILED;
  }

  private void start(ExecutorService threads, Input input, long number)
      throws InterruptedException {
    Permit place = window == null ? null : window.acquire();
    Permit permit = null;
    Permit ofAll;
    try {
      permit = limiter.acquire();
      ofAll = shared == null ? null : shared.acquire();
    } catch (InterruptedException | RuntimeException none) {
      if (permit != null) {
        permit.close();
      }
      if (place != null) {
        place.close();
      }
      throw none;
    }
    Permit own = permit;
    Runnable job = () -> perform(input, number, own, ofAll, place);
    try {
      threads.execute(job);
    } catch (OutOfMemoryError noMoreThreads) {
      job.run(); // this thread has nothing better to do: every further job would need one, too
    }
  }

  private void perform(
      Input input, long number, Permit permit, @Nullable Permit ofAll, @Nullable Permit place) {
    JobOutput output = new JobOutput(memory);
    try (permit;
        ofAll) {
      tally.started();
      Ending ending = endingOf(input, output);
      tally.ended(input, ending);
      if (place == null) {
        try (output) {
          console.write(output);
        }
      } else {
        order.finished(number, output, place);
      }
      if (ending instanceof Ending.NotStarted(String reason, boolean hopeless)
          && hopeless
          && !template.programDependsOnInput()) {
        String program = Printable.of(template.argumentsFor(input.bytes()).getFirst(), 200);
        abort(SOME_FAILED, "bouncer: cannot run " + program + ": " + reason);
      }
    } catch (ChildrenClosedException stopping) {
      output.close();
    } catch (IOException unwritable) {
      String message = String.valueOf(unwritable.getMessage());
      if (message.contains("Broken pipe")) {
        abort(OUTPUT_CLOSED, null);
      } else {
        abort(SOME_FAILED, "bouncer: cannot write to standard output: " + message);
      }
    } catch (RuntimeException | Error bug) {
      abort(SOME_FAILED, "bouncer: stopped by an internal error: " + bug);
    }
  }

  private Ending endingOf(Input input, JobOutput output) throws ChildrenClosedException {
    String defect = input.defect();
    if (defect != null) {
      return new Ending.NotStarted(defect, false);
    }
    List<byte[]> arguments = template.argumentsFor(input.bytes());
    return children.run(arguments, output.output, output.errors, timeout);
  }

  /** Ends the whole command, once. */
  private void abort(int code, @Nullable String message) {
    if (aborted.compareAndSet(false, true)) {
      if (message != null) {
        console.message(message);
      }
      exit.accept(code);
    }
  }
}
