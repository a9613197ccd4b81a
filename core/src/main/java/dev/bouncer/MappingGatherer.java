package dev.bouncer;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Gatherer;
import org.jspecify.annotations.Nullable;

/**
 * A mapping as an intermediate operation: the pipeline's elements go through a queue to the feeder
 * of an ordinary {@link MappingRun}, and what is ready is passed on between two elements.
 */
final class MappingGatherer<T extends @Nullable Object, R extends @Nullable Object> {
  private final Elements<T> elements;
  private final MappingRun<T, R, R> run;

  private MappingGatherer(PoolMapping<T, R> mapping) {
    elements = new Elements<>(mapping.buffer());
    run = new MappingRun<>(mapping, () -> elements, true, Slot::value);
  }

  static <T extends @Nullable Object, R extends @Nullable Object> Gatherer<T, ?, R> of(
      PoolMapping<T, R> mapping) {
    return Gatherer.<T, MappingGatherer<T, R>, R>ofSequential(
        () -> new MappingGatherer<>(mapping),
        Gatherer.Integrator.ofGreedy(
            (state, element, downstream) -> state.integrate(element, downstream)),
        MappingGatherer::finish);
  }

  private boolean integrate(T element, Gatherer.Downstream<? super R> downstream) {
    while (!downstream.isRejecting() && !elements.offer(element)) {
      // Full: the feeder waits for room, and that comes when a result is taken.
      boolean _ = run.tryAdvance(downstream::push);
    }
    boolean some = true;
    while (some && !downstream.isRejecting()) {
      some = run.advanceIfReady(downstream::push);
    }
    if (downstream.isRejecting()) {
      run.close();
      return false;
    }
    return true;
  }

  private void finish(Gatherer.Downstream<? super R> downstream) {
    elements.end();
    boolean more = true;
    while (more && !downstream.isRejecting()) {
      more = run.tryAdvance(downstream::push);
    }
    if (downstream.isRejecting()) {
      run.close();
    }
  }

  /** The elements that the pipeline has delivered and the feeder has not read yet. */
  private static final class Elements<T extends @Nullable Object> implements Iterator<T> {
    private final int capacity;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<Element<T>> queue = new ArrayDeque<>();
    private boolean ended;

    /** Wraps an element, which may be null. */
    private record Element<T extends @Nullable Object>(T value) {}

    Elements(int capacity) {
      this.capacity = capacity;
    }

    /** False if the queue is full. */
    boolean offer(T element) {
      lock.lock();
      try {
        if (queue.size() >= capacity) {
          return false;
        }
        queue.add(new Element<>(element));
        changed.signal();
        return true;
      } finally {
        lock.unlock();
      }
    }

    void end() {
      lock.lock();
      try {
        ended = true;
        changed.signal();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public boolean hasNext() {
      lock.lock();
      try {
        while (queue.isEmpty() && !ended) {
          changed.await();
        }
        return !queue.isEmpty();
      } catch (InterruptedException stopped) {
        return false; // the run interrupts its feeder only when it is stopped
      } finally {
        lock.unlock();
      }
    }

    @Override
    public T next() {
      lock.lock();
      try {
        Element<T> element = queue.poll();
        if (element == null) {
          throw new NoSuchElementException();
        }
        return element.value;
      } finally {
        lock.unlock();
      }
    }
  }
}
