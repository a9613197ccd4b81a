package dev.bouncer.process;

import dev.bouncer.process.wire.SlabSlot;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;

/** What one worker is still to be told, in order. Guarded by the lock of the books. */
final class Outgoing {
  /** What a pool tells a worker. */
  sealed interface Message
      permits Initialize,
          RunTask,
          CancelTask,
          RevokeTasks,
          NoLedgerYet,
          KeepLedger,
          NoSlabYet,
          ShareSlab,
          ShutDown {}

  /** Prepare for tasks. */
  record Initialize() implements Message {}

  record RunTask(PoolTask<?> task) implements Message {}

  /** Interrupt the task if it runs, give it back if it does not. */
  record CancelTask(long id) implements Message {}

  /** Give back every task that has not started. */
  record RevokeTasks() implements Message {}

  /** The worker is to keep a ledger that its writer has to make first. */
  record NoLedgerYet() implements Message {}

  record KeepLedger(Path file) implements Message {}

  /** The worker is to get a slab that its writer has to make first. */
  record NoSlabYet(SlabSlot slot) implements Message {}

  record ShareSlab(Path file, SlabSlot slot) implements Message {}

  record ShutDown() implements Message {}

  private static final int BATCH = 1_024;

  private final ArrayDeque<Message> messages = new ArrayDeque<>();
  private final Condition addedOrClosed;
  private boolean endsWithTask = true;
  private boolean closed;

  Outgoing(Condition addedOrClosed) {
    this.addedOrClosed = addedOrClosed;
  }

  void add(Message message) {
    messages.addLast(message);
    endsWithTask = message instanceof RunTask;
    addedOrClosed.signal();
  }

  /** Takes a task back; false if it is on its way already. */
  boolean withdraw(PoolTask<?> task) {
    if (messages.removeIf(message -> isRun(message, task))) {
      endsWithTask = false;
      return true;
    }
    return false;
  }

  /**
   * Returns whether a worker that has no task has read everything that it was told, so that its
   * pipe is empty: the last it was told was a task.
   */
  boolean isRead() {
    return messages.isEmpty() && endsWithTask;
  }

  /** Waits for messages; false when the worker is gone. Called by its writer. */
  boolean await() {
    while (messages.isEmpty()) {
      if (closed) {
        return false;
      }
      addedOrClosed.awaitUninterruptibly();
    }
    return true;
  }

  /** Takes the messages that are due, some at least if there are any. */
  void take(List<Message> target) {
    while (!messages.isEmpty() && target.size() < BATCH) {
      target.add(messages.removeFirst());
    }
  }

  /** Forgets what was never sent, and returns the tasks among it. */
  Set<PoolTask<?>> close() {
    Set<PoolTask<?>> unsent = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Message message : messages) {
      if (message instanceof RunTask(PoolTask<?> task)) {
        unsent.add(task);
      }
    }
    messages.clear();
    closed = true;
    addedOrClosed.signalAll();
    return unsent;
  }

  private static boolean isRun(Message message, PoolTask<?> task) {
    return message instanceof RunTask(PoolTask<?> run) && run == task;
  }
}
