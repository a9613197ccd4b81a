package dev.bouncer;

import java.util.concurrent.ThreadFactory;

/** A new thread whenever a place is taken; it ends when it finds the queue empty. */
record FreshThreads(ThreadFactory factory) implements Workers {
  @Override
  public void start(Runnable work) {
    Thread thread = factory.newThread(work);
    if (thread == null) {
      throw new IllegalStateException("the thread factory returned no thread: factory=" + factory);
    }
    thread.start();
  }
}
