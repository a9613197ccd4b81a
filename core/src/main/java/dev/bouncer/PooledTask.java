package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * One task of a {@link ThreadPool}: the node of its queue and the future that the user holds, in
 * one object.
 *
 * <pre>
 * NEW ──► QUEUED ──► ADMITTED ──► RUNNING ──► GONE      phase, guarded by the lock of Admission
 *  │         │           │                     ▲
 *  └─────────┴───────────┴── withdrawn ────────┘
 * </pre>
 *
 * ADMITTED has a place but no permit yet (only in a pool with a limiter).
 */
final class PooledTask<R extends @Nullable Object> extends TaskFuture<R> {
  enum Phase {
    NEW,
    QUEUED,
    ADMITTED,
    RUNNING,
    GONE
  }

  /** How a task has ended. */
  enum Ending {
    COMPLETED,
    FAILED,
    CANCELLED
  }

  private static final VarHandle INTERRUPTING;
  private static final VarHandle RUNNER;

  static {
    try {
      INTERRUPTING =
          MethodHandles.lookup().findVarHandle(PooledTask.class, "interrupting", boolean.class);
      RUNNER = MethodHandles.lookup().findVarHandle(PooledTask.class, "runner", Thread.class);
    } catch (ReflectiveOperationException impossible) {
      throw new ExceptionInInitializerError(impossible);
    }
  }

  // Guarded by the lock of Admission.
  Phase phase = Phase.NEW;
  long number;
  @Nullable PooledTask<?> previous;
  @Nullable PooledTask<?> next;

  final ThreadPool pool;
  private final Callable<R> body;

  /** What the submitter gave to {@code execute}; null when it holds a future. */
  final @Nullable Runnable command;

  /** The request for a permit, while the task waits for one. */
  volatile @Nullable Future<?> request;

  /** Written before the task starts, by the thread that starts it. */
  @Nullable Permit permit;

  /** The thread that runs the body, for as long as it does. */
  private volatile @Nullable Thread runner;

  /** True while a thread is about to interrupt the runner. */
  private volatile boolean interrupting;

  /** Set for a task that has its place but whose thread has not reached the body yet. */
  private volatile boolean interruptAtStart;

  private volatile boolean stopped;

  /** Written before the future is completed, and thus seen by whoever has seen that. */
  private @Nullable Ending ending;

  PooledTask(ThreadPool pool, Callable<R> body, @Nullable Runnable command) {
    this.pool = pool;
    this.body = body;
    this.command = command;
  }

  /**
   * Runs the body, gives the permit back and completes the future, in this order.
   *
   * @return what must also reach the thread's handler for uncaught exceptions
   */
  @Nullable Throwable runBody() {
    R result = null;
    Throwable thrown = null;
    boolean ran = false;
    RUNNER.setRelease(this, Thread.currentThread());
    if (!isClaimed() && !stopped) {
      try {
        started(); // a volatile write: whoever gives the task up later sees the runner
        if (interruptAtStart) {
          Thread.currentThread().interrupt();
        }
        if (!isClaimed() && !stopped) {
          ran = true;
          result = body.call();
        }
      } catch (Throwable t) {
        thrown = t;
      }
    }
    RUNNER.setRelease(this, null);
    boolean claimed = claim();
    if (!claimed) {
      VarHandle.fullFence(); // else the claim was one
    }
    // From here no interrupt for this task can arrive, and one that has arrived is wiped out.
    while (interrupting) {
      Thread.onSpinWait();
    }
    boolean _ = Thread.interrupted();
    if (permit != null) {
      permit.close(thrown == null ? Outcome.SUCCESS : Outcome.IGNORED);
    }
    if (!claimed) {
      ending = Ending.CANCELLED;
    } else if (thrown != null) {
      ending = Ending.FAILED;
      deliverFailure(thrown);
    } else if (ran) {
      ending = Ending.COMPLETED;
      deliverResult(result);
    } else {
      ending = Ending.CANCELLED;
      deliverCancellation("the task was stopped before it started: task=" + name());
    }
    return command != null || thrown instanceof VirtualMachineError ? thrown : null;
  }

  @SuppressWarnings("NullAway") // the body's own result, of the body's own type
  private void deliverResult(@Nullable R result) {
    deliver(result);
  }

  /** Ends a task that has a place but could not get a thread. */
  void abort(Throwable failure) {
    if (permit != null) {
      permit.close(Outcome.IGNORED);
    }
    if (claim()) {
      ending = Ending.FAILED;
      deliverFailure(failure);
    } else {
      ending = Ending.CANCELLED;
    }
  }

  @Override
  protected void abandoned(boolean mayInterruptIfRunning) {
    if (pool.withdraw(this)) {
      cancelRequest();
    } else if (mayInterruptIfRunning) {
      interrupt();
    }
  }

  @Override
  public void stop() {
    stopped = true;
    if (pool.withdraw(this)) {
      boolean _ = drop("the task was stopped before it started: task=" + name());
      cancelRequest();
    } else {
      interrupt();
    }
  }

  /** Withdraws the request for a permit of a task that was claimed before it got one. */
  void cancelRequest() {
    Future<?> pending = request;
    if (pending != null) {
      boolean _ = pending.cancel(false);
    }
  }

  /**
   * Interrupts the thread that runs the body, if any. {@link #runBody} first clears {@code runner}
   * and then looks at {@code interrupting}; here it is the other way round, so the interrupt never
   * hits what that thread does next.
   */
  void interrupt() {
    interruptAtStart = true;
    Thread thread = runner;
    if (thread != null && INTERRUPTING.compareAndSet(this, false, true)) {
      try {
        if (runner == thread) {
          thread.interrupt();
        }
      } finally {
        interrupting = false;
      }
    }
  }

  boolean hasEnded() {
    return ending != null;
  }

  /** How the task has ended; asked for when it has. */
  Ending ending() {
    return Objects.requireNonNull(ending);
  }

  boolean isRunBy(Thread thread) {
    return runner == thread;
  }

  /** The task as {@code shutdownNow} returns it: it never started, and may be run by hand. */
  Runnable neverStarted() {
    return command != null ? command : new NeverStarted(name(), body);
  }

  String name() {
    int small = (int) number; // of an int and a string the compiler makes one object, not four
    return small == number ? pool.taskPrefix() + small : pool.taskPrefix() + number;
  }

  @Override
  public String toString() {
    return name() + " [" + state() + "]";
  }

  /** A task that never started. */
  private record NeverStarted(String name, Callable<?> body) implements Runnable {
    @Override
    public void run() {
      try {
        Object _ = body.call();
      } catch (RuntimeException | Error thrown) {
        throw thrown;
      } catch (Exception thrown) {
        throw new java.util.concurrent.CompletionException(thrown);
      }
    }

    @Override
    public String toString() {
      return name;
    }
  }
}
