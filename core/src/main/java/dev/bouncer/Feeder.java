package dev.bouncer;

import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
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
  private final @Nullable Deadlines deadlines;
  private final int buffer;
  private Runnable burst = this::burst;

  private final AtomicBoolean bursting = new AtomicBoolean();

  /** The thread of the burst, for as long as it runs. */
  private volatile @Nullable Thread thread;

  private volatile boolean exhausted;

  // Touched by bursts only.
  private @Nullable Iterator<? extends T> source;
  private long fed;

  Feeder(
      MappingRun<T, R, ?> run,
      PoolMapping<T, R> mapping,
      ResultLine<T, R> line,
      Iterable<? extends T> inputs,
      @Nullable Deadlines deadlines) {
    this.deadlines = deadlines;
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
        Thread.ofVirtual().inheritInheritableThreadLocals(false).name("inputs").start(burst);
      } catch (Throwable noThread) {
        end(noThread);
        bursting.set(false);
      }
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
    thread = Thread.currentThread();
    do {
      while (hasRoom() && !exhausted && !run.isStopping()) {
        feedOne();
      }
      bursting.set(false);
      // Room that was made just before went unnoticed: whoever made it saw a burst.
    } while (hasRoom() && !exhausted && !run.isStopping() && bursting.compareAndSet(false, true));
  }

  private boolean hasRoom() {
    return fed - run.taken() + run.overtime() < buffer;
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
    submit(line.feed(input));
  }

  private void end(@Nullable Throwable failure) {
    if (failure != null) {
      run.sourceFailed(failure, fed);
    }
    exhausted = true;
    line.end(failure);
    run.exhausted();
  }

  private void submit(Slot<T, R> slot) {
    if (run.isStopping()) {
      slot.ended(null, new CancellationException("the run was stopped before the task started"));
      return;
    }
    if (mapping.byInput() != null) {
      try {
        Limiter limiter = mapping.byInput().apply(slot.input());
        submitWithPermit(slot, Objects.requireNonNull(limiter, "the limiter of an input"));
      } catch (Throwable thrown) {
        slot.ended(null, thrown);
      }
    } else {
      submitToPool(slot);
    }
  }

  private void submitWithPermit(Slot<T, R> slot, Limiter limiter) {
    CompletableFuture<Permit> request = limiter.acquireAsync();
    slot.awaits(request);
    if (request.isDone() && !request.isCompletedExceptionally()) {
      slot.holds(request.resultNow());
      submitToPool(slot);
      return;
    }
    var _ =
        request.whenComplete((permit, failure) -> {
          if (permit == null) {
            slot.ended(null, Objects.requireNonNull(failure));
            return;
          }
          slot.holds(permit);
          try {
            // Not here: this thread gave a permit back, and a full pool may let us wait.
            Thread.startVirtualThread(() -> submitToPool(slot));
          } catch (Throwable noThread) {
            slot.ended(null, noThread);
          }
        });
  }

  private void submitToPool(Slot<T, R> slot) {
    CompletableFuture<R> future;
    try {
      future = pool.submit(mapping.task(), slot.input());
    } catch (Throwable refused) {
      slot.ended(null, refused);
      return;
    }
    slot.follow(future);
    if (deadlines != null) {
      if (future instanceof TaskFuture<?> task) {
        task.whenStarted(() -> deadlines.started(slot));
      } else {
        deadlines.started(slot);
      }
    }
  }
}
