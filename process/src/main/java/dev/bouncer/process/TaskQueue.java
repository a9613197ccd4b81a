package dev.bouncer.process;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Tasks in the order of their submission. The tasks themselves are the links, so that a cancelled
 * one leaves at once, from anywhere. Guarded by the lock of the books.
 */
final class TaskQueue {
  private @Nullable PoolTask<?> head;
  private @Nullable PoolTask<?> tail;
  private int size;

  int size() {
    return size;
  }

  boolean isEmpty() {
    return size == 0;
  }

  void addLast(PoolTask<?> task) {
    PoolTask<?> last = tail;
    task.previous = last;
    tail = task;
    if (last == null) {
      head = task;
    } else {
      last.next = task;
    }
    size++;
  }

  void addFirst(PoolTask<?> task) {
    PoolTask<?> first = head;
    task.next = first;
    head = task;
    if (first == null) {
      tail = task;
    } else {
      first.previous = task;
    }
    size++;
  }

  PoolTask<?> first() {
    return Objects.requireNonNull(head, "the queue is empty");
  }

  PoolTask<?> removeFirst() {
    PoolTask<?> first = Objects.requireNonNull(head, "the queue is empty");
    remove(first);
    return first;
  }

  /** Takes out a task that is in the queue. */
  void remove(PoolTask<?> task) {
    PoolTask<?> before = task.previous;
    PoolTask<?> after = task.next;
    if (before == null) {
      head = after;
    } else {
      before.next = after;
    }
    if (after == null) {
      tail = before;
    } else {
      after.previous = before;
    }
    task.previous = null;
    task.next = null;
    size--;
  }

  List<PoolTask<?>> removeAll() {
    List<PoolTask<?>> all = new ArrayList<>(size);
    while (size > 0) {
      all.add(removeFirst());
    }
    return all;
  }
}
