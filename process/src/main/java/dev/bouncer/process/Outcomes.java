package dev.bouncer.process;

import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Completes the futures of tasks and counts how they ended. Never called with a lock held. */
final class Outcomes {
  final LongAdder completed = new LongAdder();
  final LongAdder failed = new LongAdder();
  final LongAdder cancelled = new LongAdder();
  final LongAdder rejected = new LongAdder();
  private final Callbacks callbacks = new Callbacks();

  void settle(PoolTask<?> task, @Nullable Object result, @Nullable Throwable failure) {
    callbacks.complete(
        task,
        () -> {
          LongAdder counter = failure == null ? completed : failed;
          counter.increment(); // before the future is done: who waits for it then sees the number
          if (!(failure == null ? task.returned(result) : task.failed(failure))) {
            counter.decrement();
          }
        });
  }

  void drop(PoolTask<?> task, String why) {
    callbacks.complete(
        task,
        () -> {
          cancelled.increment();
          if (!task.dropped(why)) {
            cancelled.decrement();
          }
        });
  }

  /** Waits until every future that was settled is done. */
  void awaitDone() {
    callbacks.awaitDone();
  }
}
