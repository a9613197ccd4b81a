package dev.bouncer.process;

import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * The one thread of a pool that starts its workers, one after the other, so that nobody who submits
 * a task ever waits for the operating system. It lives as long as the workers do: a system that
 * ties a child to its parent ties it to the thread that started it ({@code PR_SET_PDEATHSIG} of
 * Linux).
 */
final class WorkerLauncher {
  /** A request to start a worker, or to end the thread. */
  private record Request(@Nullable Worker worker) {}

  private final PoolOptions options;
  private final Dispatcher dispatcher;
  private final LinkedBlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final WorkerCommand command;
  private boolean running;

  WorkerLauncher(PoolOptions options, Dispatcher dispatcher) {
    this.options = options;
    this.dispatcher = dispatcher;
    this.command = new WorkerCommand(options);
  }

  /** Starts a worker soon. Called with the lock of the books held; returns at once. */
  void launch(Worker worker) {
    requests.add(new Request(worker));
    if (!running) {
      running = true;
      Thread.ofPlatform()
          .daemon()
          .name(options.name() + "-launcher")
          .start(() -> dispatcher.guard(this::run));
    }
  }

  /** Lets the thread end. Called when no worker is left. */
  void end() {
    requests.add(new Request(null));
  }

  private void run() {
    while (true) {
      Worker worker;
      try {
        worker = requests.take().worker();
      } catch (InterruptedException ignored) {
        continue; // ending this thread would kill the workers
      }
      if (worker == null) {
        return;
      }
      if (dispatcher.reports().isWanted(worker)) {
        worker.launch(command);
      } else {
        dispatcher.reports().gone(worker, new Worker.End(null, "", null), true);
      }
    }
  }
}
