package dev.bouncer.process;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/** A JVM with a pool in it, for tests that kill it. */
final class PoolOwner {
  private PoolOwner() {}

  /** Arguments: what the worker does, and the file that gets the worker's pid. */
  public static void main(String[] arguments) throws Exception {
    String pids = arguments[1];
    ProcessPool pool = ProcessPool.of(1);
    switch (arguments[0]) {
      case "idle" -> Tasks.announce(Path.of(pids), pool.submit(() -> Tasks.pid()).get());
      case "starting" -> {
        var _ = pool.submit(() -> Tasks.pid());
      }
      case "grandchild" -> {
        var _ =
            pool.submit(() -> {
              var child = new ProcessBuilder("sleep", "600").start();
              Tasks.announce(Path.of(pids));
              return child.waitFor();
            });
      }
      case "sleeping" -> {
        var _ = pool.submit(() -> Tasks.hang(Path.of(pids)));
      }
      case "counting" -> {
        var _ = pool.submit(() -> count(pids));
      }
      default -> throw new IllegalArgumentException(arguments[0]);
    }
    new CountDownLatch(1).await();
  }

  /** A loop without calls: the JVM has to stop it at a safepoint before it can halt. */
  private static long count(String pids) throws Exception {
    Tasks.announce(Path.of(pids));
    long sum = 0;
    while (true) {
      for (int i = 0; i < Integer.MAX_VALUE; i++) {
        sum += i ^ sum;
      }
      if (sum == 42) {
        return sum;
      }
    }
  }
}
