package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A doubly linked list whose nodes are the tasks themselves, so that a queued task costs nothing
 * beyond itself and leaves from the middle in constant time. Not thread-safe: guarded by the lock
 * of {@link Admission}. A task is in one list at a time.
 */
final class TaskQueue {
  private @Nullable PooledTask<?> first;
  private @Nullable PooledTask<?> last;
  private int size;

  int size() {
    return size;
  }

  int count(Predicate<PooledTask<?>> condition) {
    int count = 0;
    for (PooledTask<?> task = first; task != null; task = task.next) {
      if (condition.test(task)) {
        count++;
      }
    }
    return count;
  }

  void add(PooledTask<?> task) {
    task.previous = last;
    if (last == null) {
      first = task;
    } else {
      last.next = task;
    }
    last = task;
    size++;
  }

  void addFirst(PooledTask<?> task) {
    task.next = first;
    if (first == null) {
      last = task;
    } else {
      first.previous = task;
    }
    first = task;
    size++;
  }

  @Nullable PooledTask<?> poll() {
    PooledTask<?> task = first;
    if (task != null) {
      remove(task);
    }
    return task;
  }

  void remove(PooledTask<?> task) {
    PooledTask<?> before = task.previous;
    PooledTask<?> after = task.next;
    if (before == null) {
      first = after;
    } else {
      before.next = after;
    }
    if (after == null) {
      last = before;
    } else {
      after.previous = before;
    }
    task.previous = null;
    task.next = null;
    size--;
  }

  List<PooledTask<?>> toList() {
    List<PooledTask<?>> tasks = new ArrayList<>(size);
    for (PooledTask<?> task = first; task != null; task = task.next) {
      tasks.add(task);
    }
    return tasks;
  }
}
