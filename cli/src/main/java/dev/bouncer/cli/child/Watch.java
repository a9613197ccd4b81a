package dev.bouncer.cli.child;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows one child from its start to the moment when it can be waited for: reads its two outputs,
 * keeps its time limit, and gives up on outputs that a process left behind holds open.
 *
 * <p>All deadlines are of {@link System#nanoTime()}; only the next one counts at any time:
 *
 * <pre>
 *   RUNNING ──time is up──► TERMINATING ──grace is over, or all gone──► KILLED
 *   each ──exited──► LINGER for its outputs ──► end
 * </pre>
 */
final class Watch {
  private static final int OUTPUT = 0;
  private static final int ERRORS = 1;
  private static final int EXIT = 2;
  private static final int ENTRY_BYTES = 8; // struct pollfd: int fd, short events, short revents
  private static final int READY_OFFSET = 6;
  private static final Duration RETRY = Duration.ofMillis(20);

  private enum Stage {
    RUNNING,
    TERMINATING,
    KILLED
  }

  private final int pid;
  private final SpawnMemory memory;
  private final MemorySegment polled;
  private final ByteSink[] sinks;
  private final @Nullable Duration timeout;
  private final long start = System.nanoTime();

  private Stage stage = Stage.RUNNING;
  private @Nullable ProcessTree tree;
  private long terminatedAt;
  private boolean exited;
  private long exitedAt;
  private @Nullable Ending killed;

  Watch(
      int pid,
      int output,
      int errors,
      SpawnMemory memory,
      ByteSink outputSink,
      ByteSink errorSink,
      @Nullable Duration timeout) {
    this.pid = pid;
    this.memory = memory;
    this.polled = memory.polled;
    this.sinks = new ByteSink[] {outputSink, errorSink};
    this.timeout = timeout;
    set(OUTPUT, output);
    set(ERRORS, errors);
    set(EXIT, -1);
  }

  /** Returns why this tool killed the child, or null if it ended by itself. */
  @Nullable Ending untilEnd() {
    try {
      while (!isOver()) {
        if (descriptor(EXIT) < 0 && !exited) {
          watchExit();
        }
        if (LibC.poll(memory.state, polled, 3, millisToNextDeadline()) > 0) {
          receive();
        }
        keepTime();
      }
    } catch (RuntimeException | Error thrown) {
      NativeChildren.kill(new ProcessTree(Set.of(pid)));
      throw thrown;
    } finally {
      closeIfOpen(OUTPUT);
      closeIfOpen(ERRORS);
      closeIfOpen(EXIT);
    }
    return killed;
  }

  private boolean isOver() {
    return exited
        && ((descriptor(OUTPUT) < 0 && descriptor(ERRORS) < 0)
            || System.nanoTime() - exitedAt >= Children.LINGER.toNanos())
        && stage != Stage.TERMINATING;
  }

  /** Without a free descriptor this fails; then the loop comes back in a moment. */
  private void watchExit() {
    int exit = LibC.pidfdOpen(memory.state, pid);
    set(EXIT, Math.max(exit, -1));
  }

  private void receive() {
    receive(OUTPUT);
    receive(ERRORS);
    if (isReady(EXIT)) {
      exited = true;
      exitedAt = System.nanoTime();
      closeIfOpen(EXIT);
    }
  }

  private void receive(int index) {
    if (!isReady(index)) {
      return;
    }
    long count = LibC.read(memory.state, descriptor(index), memory.buffer);
    if (count > 0) {
      try {
        sinks[index].accept(memory.buffer.asSlice(0, count).asByteBuffer());
      } catch (IOException lost) {
        loseOutput(lost);
      }
    } else if (count != -Errno.EINTR) {
      closeIfOpen(index);
    }
  }

  private void loseOutput(IOException cause) {
    sinks[OUTPUT] = sinks[ERRORS] = _ -> {};
    killed = new Ending.OutputLost(String.valueOf(cause.getMessage()));
    tree().signal(Signals.KILL);
    stage = Stage.KILLED;
  }

  private void keepTime() {
    long now = System.nanoTime();
    switch (stage) {
      case RUNNING -> {
        if (timeout != null && !exited && now - start >= nanos(timeout)) {
          killed = new Ending.TimedOut(timeout);
          tree().signal(Signals.TERM);
          tree().signal(Signals.CONT); // a stopped process gets its TERM only when it goes on
          stage = Stage.TERMINATING;
          terminatedAt = now;
        }
      }
      case TERMINATING -> {
        boolean gone = exited && descriptor(OUTPUT) < 0 && descriptor(ERRORS) < 0;
        if (gone || now - terminatedAt >= Children.GRACE.toNanos()) {
          NativeChildren.kill(tree());
          stage = Stage.KILLED;
        }
      }
      case KILLED -> {}
    }
  }

  private ProcessTree tree() {
    if (tree == null) {
      tree = new ProcessTree(Set.of(pid));
    }
    return tree;
  }

  private int millisToNextDeadline() {
    long now = System.nanoTime();
    long wait = Long.MAX_VALUE;
    if (exited) {
      wait = Math.min(wait, Children.LINGER.toNanos() - (now - exitedAt));
    } else if (descriptor(EXIT) < 0) {
      wait = Math.min(wait, RETRY.toNanos());
    }
    if (stage == Stage.TERMINATING) {
      wait = Math.min(wait, Children.GRACE.toNanos() - (now - terminatedAt));
    } else if (stage == Stage.RUNNING && timeout != null && !exited) {
      wait = Math.min(wait, nanos(timeout) - (now - start));
    }
    if (wait == Long.MAX_VALUE) {
      return -1;
    }
    long roundedUp = TimeUnit.NANOSECONDS.toMillis(Math.max(wait, 0)) + 1;
    return (int) Math.min(roundedUp, Integer.MAX_VALUE);
  }

  private static long nanos(Duration duration) {
    return TimeUnit.NANOSECONDS.convert(duration); // saturates
  }

  private int descriptor(int index) {
    return polled.get(JAVA_INT, (long) index * ENTRY_BYTES);
  }

  private boolean isReady(int index) {
    return descriptor(index) >= 0
        && polled.get(JAVA_SHORT, (long) index * ENTRY_BYTES + READY_OFFSET) != 0;
  }

  private void set(int index, int descriptor) {
    long offset = (long) index * ENTRY_BYTES;
    polled.set(JAVA_INT, offset, descriptor); // poll skips a negative one
    polled.set(JAVA_SHORT, offset + 4, LibC.POLLIN);
    polled.set(JAVA_SHORT, offset + READY_OFFSET, (short) 0);
  }

  private void closeIfOpen(int index) {
    int open = descriptor(index);
    if (open >= 0) {
      set(index, -1);
      LibC.close(open);
    }
  }
}
