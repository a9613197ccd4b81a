package dev.bouncer.process;

import java.util.concurrent.locks.ReentrantLock;

/**
 * What a pool knows: its tasks, its workers, and how far it is. Everything but the lock itself, the
 * options, the timer and the outcomes is guarded by the lock.
 *
 * <p>The lock is never held while something is written, started, killed or completed: those things
 * happen after it was let go. So nothing that blocks in one worker, or in code of the user, can
 * hold up another.
 *
 * <p>Invariants, whenever the lock is free:
 *
 * <ul>
 *   <li>The roster holds every child that lives or is about to; never more than {@code maxWorkers}
 *       and the spare, but for those left over when the limit was lowered.
 *   <li>A task is in the queue (QUEUED) or in flight at exactly one worker (ASSIGNED, RUNNING).
 *   <li>Never more than {@code maxWorkers} workers have tasks.
 *   <li>Tasks wait in the queue only while that many have, or no worker is idle.
 * </ul>
 */
final class Books {
  final PoolOptions options;
  final PoolTimer timer;
  final Outcomes outcomes = new Outcomes();
  final ReentrantLock lock = new ReentrantLock();

  final TaskQueue queue = new TaskQueue();
  final Roster roster = new Roster();
  final StartFailures startFailures = new StartFailures();
  final Lifecycle lifecycle = new Lifecycle(lock.newCondition());
  int maxWorkers;
  long lastTaskId;

  Books(PoolOptions options, PoolTimer timer) {
    this.options = options;
    this.timer = timer;
    this.maxWorkers = options.maxWorkers();
  }
}
