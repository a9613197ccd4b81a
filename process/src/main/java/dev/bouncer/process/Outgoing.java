package dev.bouncer.process;

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
      permits Initialize, RunTask, CancelTask, RevokeTasks, NoLedgerYet, KeepLedger, ShutDown {}

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

  record ShutDown() implements Message {}

  private static final int BATCH = 1_024;

  private final ArrayDeque<Message> messages = new ArrayDeque<>();
  private final Condition addedOrClosed;
  private boolean closed;

  Outgoing(Condition addedOrClosed) {
    this.addedOrClosed = addedOrClosed;
  }

  void add(Message message) {
    messages.addLast(message);
    addedOrClosed.signal();
  }

  /** Takes a task back; false if it is on its way already. */
  boolean withdraw(PoolTask<?> task) {
    return messages.removeIf(message -> isRun(message, task));
  }

  /** Waits for messages and takes some; false when the worker is gone. Called by its writer. */
  boolean await(List<Message> target) {
    while (messages.isEmpty()) {
      if (closed) {
        return false;
      }
      addedOrClosed.awaitUninterruptibly();
    }
    while (!messages.isEmpty() && target.size() < BATCH) {
      target.add(messages.removeFirst());
    }
    return true;
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
