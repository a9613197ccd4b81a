package dev.bouncer;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Watches the permits of one limiter for leaks and for a thread that waits for itself. Costs a
 * stack trace a permit, so it is off unless asked for.
 */
final class PermitWatch {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final System.Logger LOGGER = System.getLogger("dev.bouncer");

  private final String limiter;
  private final BiConsumer<String, Throwable> report;
  private final Map<Thread, Acquired> holders = new ConcurrentHashMap<>();

  PermitWatch(String limiter) {
    this(limiter, (message, stack) -> LOGGER.log(System.Logger.Level.WARNING, message, stack));
  }

  PermitWatch(String limiter, BiConsumer<String, Throwable> report) {
    this.limiter = limiter;
    this.report = report;
  }

  /** The stack of a thread at the moment it acquired, or of the one that is about to wait. */
  static final class AcquireStack extends Throwable {
    private static final long serialVersionUID = 1L;

    AcquireStack(String message) {
      super(message);
    }
  }

  /** Wraps a permit of the calling thread so that forgetting it is noticed. */
  Permit watch(Permit permit) {
    Acquired acquired = new Acquired(this, permit);
    holders.put(acquired.thread, acquired);
    return new WatchedPermit(acquired);
  }

  /** Notes that a permit belongs to a future, not to the thread that happens to complete it. */
  void unbind(Permit permit) {
    if (permit instanceof WatchedPermit watched) {
      holders.remove(watched.acquired.thread, watched.acquired);
    }
  }

  /** Warns if the calling thread, which is about to wait, holds a permit of this limiter itself. */
  void willBlock() {
    Thread thread = Thread.currentThread();
    Acquired held = holders.get(thread);
    if (held != null) {
      AcquireStack waits = new AcquireStack("waits here");
      waits.addSuppressed(held.stack);
      report.accept(
          "a thread waits for a permit of a limiter of which it holds one, and may wait for ever:"
              + " limiter=%s thread=%s weight=%d"
                  .formatted(limiter, thread.getName(), held.permit.weight()),
          waits);
    }
  }

  /** What is known of a permit that is out; refers to everything but the user's own object. */
  private static final class Acquired implements Runnable {
    private final PermitWatch watch;
    private final Permit permit;
    private final Thread thread = Thread.currentThread();
    private final AcquireStack stack = new AcquireStack("acquired here by " + thread.getName());
    private volatile boolean closed;

    Acquired(PermitWatch watch, Permit permit) {
      this.watch = watch;
      this.permit = permit;
    }

    void close(@Nullable Outcome outcome) {
      closed = true;
      watch.holders.remove(thread, this);
      if (outcome == null) {
        permit.close();
      } else {
        permit.close(outcome);
      }
    }

    /** The user's object is gone, or was closed and is cleaned on the way. */
    @Override
    public void run() {
      if (!closed) {
        watch.report.accept(
            "a permit was never closed and has been given back: limiter=%s weight=%d"
                .formatted(watch.limiter, permit.weight()),
            stack);
        close(null);
      }
    }
  }

  private static final class WatchedPermit implements Permit {
    private final Acquired acquired;
    private final Cleaner.Cleanable cleanable;

    WatchedPermit(Acquired acquired) {
      this.acquired = acquired;
      this.cleanable = CLEANER.register(this, acquired);
    }

    @Override
    public int weight() {
      return acquired.permit.weight();
    }

    @Override
    public void close() {
      try {
        acquired.close(null);
        cleanable.clean();
      } finally {
        Reference.reachabilityFence(this);
      }
    }

    @Override
    public void close(Outcome outcome) {
      try {
        acquired.close(outcome);
        cleanable.clean();
      } finally {
        Reference.reachabilityFence(this);
      }
    }

    @Override
    public String toString() {
      return acquired.permit.toString();
    }
  }
}
