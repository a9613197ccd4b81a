package dev.bouncer;

/** Where the threads of a {@link ThreadPool} come from. */
interface Workers {

  /**
   * Lets a thread do some work.
   *
   * @throws RuntimeException or an {@code Error}, if no thread could be started; the work was not
   *     and will not be done then
   */
  void start(Runnable work);

  /** Ends idle threads beyond this many threads in all. */
  default void resize(int maxWorkers) {}

  /** Ends idle threads, now and whenever one becomes idle. */
  default void shutdown() {}
}
