package dev.bouncer;

import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Reads the inputs of a {@link MappingRun} and hands them to the pool, as far as the buffer allows.
 *
 * <p>Works in bursts, each on a new virtual thread, never two at a time: a burst goes on until the
 * buffer is full or the source has ended, and the reader starts the next one when it has made room.
 * So a run that nobody reads any more holds no thread, and can be forgotten by the garbage
 * collector.
 */
final class Feeder<T extends @Nullable Object, R extends @Nullable Object> {
  private final MappingRun<T, R, ?> run;
  private final PoolMapping<T, R> mapping;
  private final Pool pool;
  private final ResultLine<T, R> line;
  private final Iterable<? extends T> inputs;
  private final Submitter<T, R> submitter;
  private final int buffer;
  private Runnable burst = this::burst;

  private final AtomicBoolean bursting = new AtomicBoolean();
  private final AtomicInteger holding = new AtomicInteger();

  /** The thread of the burst, for as long as it runs. */
  private volatile @Nullable Thread thread;

  private volatile boolean exhausted;

  /** How many bursts there were. */
  private final AtomicLong bursts = new AtomicLong();

  // Touched by bursts only.
  private @Nullable Iterator<? extends T> source;
  private long fed;

  Feeder(
      MappingRun<T, R, ?> run,
      PoolMapping<T, R> mapping,
      ResultLine<T, R> line,
      Iterable<? extends T> inputs,
      Submitter<T, R> submitter) {
    this.submitter = submitter;
    this.run = run;
    this.mapping = mapping;
    this.line = line;
    this.inputs = Objects.requireNonNull(inputs, "inputs");
    pool = mapping.pool();
    buffer = mapping.buffer();
  }

  /** Starts to read; called once, by the reader, whose context the bursts get. */
  void begin() {
    burst = mapping.context().apply(this::burst);
    roomMade();
  }

  /** Reads on if there is room and nobody does. */
  void roomMade() {
    if (!bursting.get() && !exhausted && bursting.compareAndSet(false, true)) {
      try {
        Thread.ofVirtual()
            .inheritInheritableThreadLocals(false)
            .name("inputs")
            .start(this::burstInContext);
      } catch (Throwable noThread) {
        end(noThread);
        bursting.set(false);
      }
    }
  }

  private void burstInContext() {
    long before = bursts.get();
    try {
      burst.run();
    } catch (Throwable thrownByTheHook) {
      end(thrownByTheHook);
    }
    if (bursts.get() == before) {
      end(new IllegalStateException("the context hook must run the task that it was given"));
    }
  }

  void stop() {
    Thread reading = thread;
    if (reading != null) {
      reading.interrupt();
    }
  }

  int buffer() {
    return buffer;
  }

  boolean isExhausted() {
    return exhausted;
  }

  private void burst() {
    bursts.incrementAndGet();
    thread = Thread.currentThread();
    do {
      while (hasRoom() && !exhausted && !run.isStopping()) {
        feedOne();
      }
      bursting.set(false);
      // Room that was made just before went unnoticed: whoever made it saw a burst.
    } while (hasRoom() && !exhausted && !run.isStopping() && bursting.compareAndSet(false, true));
  }

  /** With one limiter for all, no more permits are asked for than tasks can run. */
  private boolean hasRoom() {
    return fed - run.taken() + run.overtime() < buffer
        && (!mapping.oneLimiter() || holding.get() < pool.maxWorkers());
  }

  /** A task that held a permit, or waited for one, has ended. */
  void taskEnded() {
    if (mapping.oneLimiter()) {
      holding.decrementAndGet();
      roomMade();
    }
  }

  private void feedOne() {
    T input;
    try {
      if (source == null) {
        source = Objects.requireNonNull(inputs.iterator(), "inputs.iterator()");
      }
      if (!source.hasNext()) {
        end(null);
        return;
      }
      input = source.next();
    } catch (Throwable thrown) {
      end(thrown);
      return;
    }
    fed++;
    Slot<T, R> slot = line.feed(input);
    if (mapping.oneLimiter()) {
      holding.incrementAndGet();
    }
    submitter.submit(slot);
    if (pool.isShutdown()) {
      end(new RejectedExecutionException("the pool was shut down before the inputs ended"));
    }
  }

  private void end(@Nullable Throwable failure) {
    if (exhausted) {
      return;
    }
    if (failure != null) {
      run.sourceFailed(failure, fed);
    }
    exhausted = true;
    line.end(failure);
    run.exhausted();
  }
}
