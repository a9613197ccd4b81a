package dev.bouncer.process;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes the AOT cache of a pool, once, in the background: when the pool has been idle for a moment,
 * or, if it never is, when it has lived for a while.
 *
 * <p>A training has three steps, each in a process of its own, and takes two or three seconds of
 * one processor:
 *
 * <ol>
 *   <li>a worker with nothing but Bouncer on its class path notes what it does in a {@link
 *       Rehearsal};
 *   <li>a JVM at the lowest priority makes the cache of these notes;
 *   <li>a worker that must use the cache proves that it can.
 * </ol>
 *
 * <p>Then the file gets its name. Whatever fails leaves things as they were: workers start as they
 * did before. The processes end with the pool, in whatever way it ends.
 */
final class AotTraining {
  private static final Duration LOOK_EVERY = Duration.ofMillis(500);
  private static final int LOOKS_WITHOUT_REST = 20;

  /** Makes the cache ("$0" "$@"), unless standard input ends first: then the pool is gone. */
  private static final String WATCHED =
      """
      exec 3<&0
      nice -n 19 "$0" "$@" 3<&- </dev/null >/dev/null 2>&1 &
      vm=$!
      { read -r _ <&3; kill -KILL $vm; } 2>/dev/null &
      watch=$!
      wait $vm
      status=$?
      kill $watch 2>/dev/null
      exit $status
      """;

  private final PoolOptions options;
  private final AotCache cache;
  private final AotCacheFolder folder;
  private final CountDownLatch stopped = new CountDownLatch(1);
  private final Object processes = new Object();
  private volatile @Nullable Thread thread;
  private volatile String outcome = "";

  // guarded by processes
  private @Nullable ProcessPool rehearsing;
  private @Nullable Process assembling;

  AotTraining(PoolOptions options, AotCache cache, AotCacheFolder folder) {
    this.options = options;
    this.cache = cache;
    this.folder = folder;
  }

  /** Begins to look for a good moment, if there is no cache. Called once, by one thread. */
  void startIfWanted(BooleanSupplier idle) {
    if (!cache.isWanted()) {
      return;
    }
    Thread trainer = new Thread(() -> trainWhenIdle(idle), options.name() + "-aot-training");
    trainer.setDaemon(true);
    thread = trainer;
    trainer.start();
  }

  /** Tells why the last training failed, if one did; for a dump. */
  String outcome() {
    return outcome;
  }

  /** Ends the training, if there is one, and its processes. */
  void stop() {
    synchronized (processes) {
      stopped.countDown();
      if (rehearsing != null) {
        rehearsing.kill();
      }
      if (assembling != null) {
        closeQuietly(assembling.getOutputStream());
      }
    }
  }

  /** Waits until nothing of a training is left. */
  void awaitEnd() throws InterruptedException {
    Thread trainer = thread;
    if (trainer != null && trainer != Thread.currentThread()) {
      trainer.join();
    }
  }

  private void trainWhenIdle(BooleanSupplier idle) {
    try {
      int idleLooks = 0;
      for (int looks = 0; idleLooks < 2 && looks < LOOKS_WITHOUT_REST; looks++) {
        if (stopped.await(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
          return;
        }
        idleLooks = idle.getAsBoolean() ? idleLooks + 1 : 0;
      }
      train();
    } catch (InterruptedException nobodyDoesThat) {
      // Then there is no cache.
    }
  }

  /**
   * Makes the cache now, if there is none.
   *
   * @return whether workers are started with a cache from now on
   * @throws InterruptedException if this thread was interrupted
   */
  synchronized boolean train() throws InterruptedException {
    Path file = cache.file();
    if (file != null && cache.isWanted()) {
      try {
        folder.create();
        var _ = folder.alone(file, () -> make(file));
        outcome = "";
      } catch (IOException | ExecutionException | RuntimeException failure) {
        outcome = String.valueOf(failure.getMessage());
      }
    }
    return cache.usable() != null;
  }

  private void make(Path file) throws IOException, InterruptedException, ExecutionException {
    if (!cache.isWanted()) {
      return; // another one was faster
    }
    String name = "training-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
    Path notes = folder.path().resolve(name + ".notes");
    Path finished = folder.path().resolve(name + ".made");
    try {
      play("-XX:AOTMode=record", "-XX:AOTConfiguration=" + notes);
      assemble(notes, finished);
      play("-XX:AOTMode=on", "-XX:AOTCache=" + finished);
      folder.publish(finished, file);
    } finally {
      Files.deleteIfExists(notes);
      Files.deleteIfExists(finished);
    }
  }

  /** Has one worker with these options act the rehearsal, and waits until it has ended. */
  private void play(String... cacheOptions)
      throws IOException, InterruptedException, ExecutionException {
    List<String> jvmOptions = new ArrayList<>(decisiveOptions());
    jvmOptions.addAll(List.of(cacheOptions));
    ProcessPool pool =
        ProcessPool.builder()
            .name(options.name() + "-rehearsal")
            .maxWorkers(1)
            .classPath(WorkerClassPath.ofBouncer())
            .jvmOptions(jvmOptions.toArray(String[]::new))
            .killAfter(Duration.ofSeconds(30)) // it writes its notes when it ends
            .output(WorkerOutput.DISCARD)
            .aotCache(false)
            .build();
    try (pool) {
      synchronized (processes) {
        checkNotStopped();
        rehearsing = pool;
      }
      Rehearsal.perform(pool);
    } finally {
      synchronized (processes) {
        rehearsing = null;
      }
    }
  }

  private void assemble(Path notes, Path finished) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.addAll(List.of("/bin/sh", "-c", WATCHED, WorkerJvm.launcher().toString()));
    command.addAll(WorkerJvm.collector(options));
    command.addAll(decisiveOptions());
    command.addAll(
        List.of(
            "-XX:AOTMode=create",
            "-XX:AOTConfiguration=" + notes,
            "-XX:AOTCache=" + finished,
            "-cp",
            WorkerClassPath.of(WorkerClassPath.ofBouncer())));
    Process process;
    synchronized (processes) {
      checkNotStopped();
      process =
          new ProcessBuilder(command)
              .redirectOutput(Redirect.DISCARD)
              .redirectError(Redirect.DISCARD)
              .start();
      assembling = process;
    }
    try {
      int exitCode = process.waitFor();
      if (exitCode != 0 || !Files.isRegularFile(finished)) {
        throw new IOException("AOT cache could not be assembled: exitCode=" + exitCode);
      }
    } finally {
      synchronized (processes) {
        assembling = null;
      }
      closeQuietly(process.getOutputStream());
    }
  }

  private void checkNotStopped() throws IOException {
    if (stopped.getCount() == 0) {
      throw new IOException("pool was closed before its AOT cache was made");
    }
  }

  /** What the JVM compares with those of the worker that is to use the cache. */
  private List<String> decisiveOptions() {
    return AotCache.decisiveOptions(options);
  }

  private static void closeQuietly(OutputStream lifeline) {
    try {
      lifeline.close();
    } catch (IOException goneAlready) {
      // That is what was wanted.
    }
  }
}
