package dev.bouncer;

/** Where the threads of a {@link ThreadPool} come from. */
interface Workers {

  /**
   * Lets a thread run a task that has a place. The thread calls {@link PooledTask#run}.
   *
   * @throws RuntimeException or an {@code Error}, if no thread could be started; the task was not
   *     and will not be run then
   */
  void start(PooledTask<?> task);

  /** Ends idle threads beyond this many threads in all. */
  default void resize(int maxWorkers) {}

  /** Ends idle threads, now and whenever one becomes idle. */
  default void shutdown() {}
}
