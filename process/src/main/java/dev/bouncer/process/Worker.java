package dev.bouncer.process;

import dev.bouncer.process.wire.FrameReader;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import org.jspecify.annotations.Nullable;

/**
 * One place of the pool and the child JVM that fills it, from the decision to start the JVM until
 * it has been reaped.
 *
 * <pre>
 *   STARTING --HELLO--> READY --retire, kill--> STOPPING --reaped--> GONE
 *      '------------------'---------- died by itself -----------------^
 * </pre>
 */
final class Worker {
  enum State {
    STARTING,
    READY,
    STOPPING,
    GONE
  }

  /** What the pool wants to tell the worker. */
  sealed interface Message permits RunTask, CancelTask, ShutDown {}

  record RunTask(PoolTask<?> task) implements Message {}

  record CancelTask(long id) implements Message {}

  record ShutDown() implements Message {}

  /** How long a worker that closed its pipe may take to be reaped, before it is killed. */
  private static final long REAP_MILLIS = 2_000;

  /** How long to wait for the last lines of a dead worker. */
  private static final long TAIL_MILLIS = 500;

  final int id;
  private final Dispatcher dispatcher;
  private final PoolOptions options;

  // guarded by the dispatcher's lock
  State state = State.STARTING;
  final ArrayDeque<PoolTask<?>> inFlight = new ArrayDeque<>();
  final ArrayDeque<Message> outgoing = new ArrayDeque<>();
  final Condition outgoingOrGone;
  long pid;

  private volatile @Nullable Process process;
  private volatile boolean killed;

  Worker(int id, Dispatcher dispatcher, PoolOptions options, Condition outgoingOrGone) {
    this.id = id;
    this.dispatcher = dispatcher;
    this.options = options;
    this.outgoingOrGone = outgoingOrGone;
  }

  /** How a worker ended, as far as its last words are known. */
  record End(@Nullable Integer exitCode, String output, @Nullable Throwable cause) {}

  /** Starts the child. Called by the launching thread; returns as soon as the process exists. */
  void launch(WorkerCommand command) {
    try {
      WorkerCommand.Started launched = command.start(id);
      Process started = launched.process();
      process = started;
      OutputPump pump =
          new OutputPump(started.getErrorStream(), options.name(), id, options.output());
      thread("output", pump);
      thread("writer", () -> write(started.getOutputStream()));
      thread("reader", () -> read(launched, pump));
      var _ = started.onExit().thenAccept(_ -> dispatcher.exited(this, pump));
      if (killed) { // decided while there was no process yet
        kill();
      }
    } catch (IOException | RuntimeException | Error failure) {
      kill();
      dispatcher.gone(this, new End(null, "", failure), true);
    }
  }

  /**
   * Kills the child and everything it started; harmless if there is none. May take milliseconds.
   */
  void kill() {
    killed = true;
    Process current = process;
    if (current != null && current.isAlive()) {
      current.descendants().forEach(ProcessHandle::destroyForcibly);
      current.destroyForcibly();
    }
  }

  @Nullable Integer exitCode() {
    Process current = process;
    return current == null || current.isAlive() ? null : current.exitValue();
  }

  private void thread(String role, Runnable body) {
    Thread.ofPlatform()
        .daemon()
        .name(options.name() + "-worker-" + id + "-" + role)
        .start(() -> dispatcher.guard(body));
  }

  private void write(OutputStream stream) {
    WorkerChannel channel = new WorkerChannel(stream);
    try {
      for (Message message = dispatcher.awaitOutgoing(this);
          message != null;
          message = dispatcher.awaitOutgoing(this)) {
        channel.send(message);
      }
    } catch (IOException | RuntimeException | Error pipeIsBroken) {
      kill(); // it is dead already, or will never get what it waits for; its reader does the rest
    }
  }

  private void read(WorkerCommand.Started launched, OutputPump pump) {
    Process child = launched.process();
    @Nullable Throwable broken = null;
    try {
      FrameReader frames = new FrameReader(child.getInputStream(), options.maxMessageBytes());
      AnswerReader answers = new AnswerReader(this, dispatcher, options);
      while (frames.next()) {
        answers.handle(frames.kind(), frames.payload());
      }
    } catch (IOException | RuntimeException | Error failure) {
      broken = failure;
      kill();
    }
    Integer exitCode = reap(child);
    var _ = launched.arguments().toFile().delete(); // the worker does, if it gets that far
    dispatcher.gone(this, new End(exitCode, pump.tail(TAIL_MILLIS), broken), broken == null);
  }

  /** Waits until the child is really dead: only then may another one take its place. */
  private Integer reap(Process child) {
    while (true) {
      try {
        if (!child.waitFor(REAP_MILLIS, TimeUnit.MILLISECONDS)) {
          kill();
        } else {
          return child.exitValue();
        }
      } catch (InterruptedException ignored) {
        // Nobody interrupts this thread but by mistake, and the child must be reaped.
      }
    }
  }
}
