package dev.bouncer.process;

import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * The one thread of a pool that starts its workers, one after the other, so that nobody who submits
 * a task ever waits for the operating system. It lives as long as the workers do: a system that
 * ties a child to its parent ties it to the thread that started it ({@code PR_SET_PDEATHSIG} of
 * Linux).
 *
 * <p>It begins with the pool and gets everything ready while the first task is still being
 * submitted: in a cold JVM that is a third of the way to the first result.
 */
final class WorkerLauncher implements Runnable {
  /** A request to start a worker, or to end the thread. */
  private record Request(@Nullable Worker worker) {}

  private final LinkedBlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final WorkerCommand command;
  private final @Nullable AotTraining training;
  private final Thread thread;

  /** Whose workers are started; known before the first request. */
  private @Nullable Dispatcher dispatcher;

  private boolean launched;

  WorkerLauncher(PoolOptions options) {
    AotCacheFolder folder = options.aotCache() ? AotCacheFolder.ofThisUser() : null;
    AotCache cache = new AotCache(options, folder);
    this.command = new WorkerCommand(options, cache);
    this.training = folder == null ? null : new AotTraining(options, cache, folder);
    this.thread = new Thread(this, options.name() + "-launcher");
    thread.setDaemon(true);
    thread.start();
  }

  /** Names the dispatcher whose workers will be started. Called before anything is requested. */
  void serve(Dispatcher owner) {
    dispatcher = owner; // the queue of requests publishes it
  }

  /** Starts a worker soon. Called with the lock of the books held; returns at once. */
  void launch(Worker worker) {
    requests.add(new Request(worker));
  }

  /** Lets the thread end. Called when no worker is left. */
  void end() {
    requests.add(new Request(null));
  }

  /** Waits until the thread has ended, and everything with it. */
  void awaitEnd() throws InterruptedException {
    thread.join();
    if (training != null) {
      training.awaitEnd();
    }
  }

  /** Makes the AOT cache now, if there is none; false if workers cannot be started with one. */
  boolean trainAotCache() throws InterruptedException {
    return training != null && training.train();
  }

  /** Tells for a dump whether workers are started with an AOT cache. */
  String describeAotCache() {
    return command.describeAotCache()
        + (training == null || training.outcome().isEmpty() ? "" : ": " + training.outcome());
  }

  @Override
  public void run() {
    try {
      command.prepare();
    } catch (RuntimeException | Error failure) {
      // The first start meets it again, and has somebody to tell.
    }
    Request request = next();
    Dispatcher owner = Objects.requireNonNull(dispatcher, "dispatcher");
    owner.guard(() -> serve(owner, request));
  }

  private void serve(Dispatcher owner, Request first) {
    for (Worker worker = first.worker(); worker != null; worker = next().worker()) {
      if (owner.reports().isWanted(worker)) {
        worker.launch(command);
        trainSoon(owner);
      } else {
        owner.reports().gone(worker, new Worker.End(null, "", null), true);
      }
    }
    if (training != null) {
      training.stop();
    }
  }

  private Request next() {
    while (true) {
      try {
        return requests.take();
      } catch (InterruptedException ignored) {
        // Ending this thread would kill the workers.
      }
    }
  }

  private void trainSoon(Dispatcher owner) {
    if (!launched && training != null) {
      launched = true;
      training.startIfWanted(owner::isIdle);
    }
  }
}
