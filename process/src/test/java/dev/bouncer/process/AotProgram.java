package dev.bouncer.process;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A program of a user who has Bouncer as jars, which is what an AOT cache takes. */
final class AotProgram {
  private AotProgram() {}

  /** Arguments: what to do, then the options of the workers' JVMs. Prints what it saw. */
  public static void main(String[] arguments) throws Exception {
    String[] jvmOptions = java.util.Arrays.copyOfRange(arguments, 1, arguments.length);
    try (ProcessPool pool = ProcessPool.builder().maxWorkers(1).jvmOptions(jvmOptions).build()) {
      switch (arguments[0]) {
        case "run" -> System.out.println("mapped " + pool.submit(() -> mappedCache()).get());
        case "run three" -> {
          for (int i = 0; i < 3; i++) {
            System.out.println("mapped " + pool.submit(() -> mappedCache()).get());
            ProcessHandle.of(pool.workers().getFirst().pid().getAsLong())
                .orElseThrow()
                .destroyForcibly();
          }
        }
        case "train" -> {
          System.out.println("trained " + pool.trainAotCache());
          System.out.println("mapped " + pool.submit(() -> mappedCache()).get());
          System.out.println(pool.dump());
        }
        case "idle" -> {
          pool.submit(() -> 1).get();
          Await.until("a cache was made", () -> pool.dump().contains("aotCache=in use"));
          System.out.println("trained in the background");
        }
        case "interrupted" -> {
          Thread trainer = new Thread(() -> trainQuietly(pool));
          trainer.start();
          Await.until("the training runs", AotProgram::trains);
          pool.shutdown();
          pool.awaitTermination(60, TimeUnit.SECONDS);
          trainer.join();
          System.out.println("children " + ProcessHandle.current().descendants().count());
        }
        case "hang" -> {
          new Thread(() -> trainQuietly(pool)).start();
          Await.until("the training runs", AotProgram::trains);
          ProcessHandle.current()
              .descendants()
              .forEach(p -> System.out.println("child " + p.pid()));
          System.out.println("hanging");
          new CountDownLatch(1).await();
        }
        default -> throw new IllegalArgumentException(arguments[0]);
      }
    }
  }

  private static void trainQuietly(ProcessPool pool) {
    try {
      System.out.println("trained " + pool.trainAotCache());
    } catch (InterruptedException never) {
      Thread.currentThread().interrupt();
    }
  }

  /** The JVM that makes the cache of the notes. */
  private static boolean trains() {
    return ProcessHandle.current()
        .descendants()
        .anyMatch(child -> child.info().commandLine().orElse("").contains("AOTMode=create"));
  }

  private static String mappedCache() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      if (line.endsWith(".aot")) {
        return line.substring(line.lastIndexOf('/') + 1);
      }
    }
    return "none";
  }
}
