package dev.bouncer;

import java.time.Duration;
import java.util.Collection;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Tells the listener of a {@link MappingRun} how far it has come. The first task that ends while
 * nobody reports starts a thread that reports until it has told of every end; ends that come during
 * a report are told by the next one together. So a slow listener slows nobody down.
 */
final class ProgressReports {
  private final Consumer<? super Progress> listener;
  private final Iterable<?> inputs;
  private final Timing timing;
  private final IntSupplier running;

  private final LongAdder done = new LongAdder();
  private final LongAdder failed = new LongAdder();

  /** Ends that no report has told of yet. */
  private final AtomicInteger untold = new AtomicInteger();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition told = lock.newCondition();
  private volatile @Nullable Thread reporter;
  private OptionalLong total = OptionalLong.empty();
  private long start;

  ProgressReports(
      Consumer<? super Progress> listener, Iterable<?> inputs, Timing timing, IntSupplier running) {
    this.listener = listener;
    this.inputs = inputs;
    this.timing = timing;
    this.running = running;
  }

  void begin() {
    start = timing.nanoTime();
    if (inputs instanceof Collection<?> collection) {
      total = OptionalLong.of(collection.size());
    }
  }

  void ended(boolean hasFailed) {
    done.increment();
    if (hasFailed) {
      failed.increment();
    }
    report();
  }

  private void report() {
    if (untold.getAndIncrement() == 0) {
      try {
        Thread.ofVirtual().inheritInheritableThreadLocals(false).name("progress").start(this::tell);
      } catch (Throwable noThread) {
        untold.set(0); // the next end tries again
      }
    }
  }

  private void tell() {
    Thread thread = Thread.currentThread();
    reporter = thread;
    int telling;
    do {
      telling = untold.get();
      try {
        listener.accept(now());
      } catch (Throwable thrown) {
        thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
      }
    } while (untold.addAndGet(-telling) != 0);
    lock.lock();
    try {
      told.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private Progress now() {
    long failedNow = failed.sum(); // before done, which it is a part of
    return new Progress(
        done.sum(),
        failedNow,
        running.getAsInt(),
        total,
        Duration.ofNanos(timing.nanoTime() - start));
  }

  /** Reports the final numbers and waits until that is over, unless the listener itself waits. */
  void finish() {
    report();
    if (Thread.currentThread() == reporter) {
      return;
    }
    lock.lock();
    try {
      while (untold.get() != 0) {
        told.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }
}
