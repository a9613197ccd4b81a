package dev.bouncer.redis;

import dev.bouncer.redis.server.RealRedis;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Another machine: a JVM that takes one permit, and says what happens to it line by line. */
final class Machine implements AutoCloseable {
  private static final String ASKED = "asked";
  private static final String HELD = "held ";
  private static final String RESUMED = "resumed ";

  private final Process process;
  private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();

  Machine(String uri, String name, Duration grace, Duration lease) throws IOException {
    process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                Machine.class.getName(),
                uri,
                name,
                "" + grace.toMillis(),
                "" + lease.toMillis())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    Thread.ofVirtual()
        .start(() -> {
          try (BufferedReader reader =
              new BufferedReader(
                  new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
              lines.add(line);
            }
          } catch (IOException ended) {
            lines.add("ended");
          }
        });
  }

  /** What runs in the other JVM: a line of input after the grant gives the permit back. */
  public static void main(String[] args) throws Exception {
    try (RedisConnection connection = RedisSemaphore.connect(args[0])) {
      RedisSemaphore semaphore =
          connection
              .builder(args[1], 1)
              .grace(Duration.ofMillis(Long.parseLong(args[2])))
              .lease(Duration.ofMillis(Long.parseLong(args[3])))
              .strictFifo(true)
              .build();
      var request = semaphore.acquireAsync();
      System.out.println(ASKED);
      LeasedPermit permit = (LeasedPermit) request.get();
      permit.lost().thenAccept(reason -> System.out.println("lost " + reason));
      CountDownLatch looking = new CountDownLatch(1);
      // After a pause, the first thing that this thread does is to look whether it may go on.
      Thread watch =
          Thread.ofPlatform()
              .daemon()
              .start(() -> {
                long last = System.nanoTime();
                looking.countDown();
                while (true) {
                  long now = System.nanoTime();
                  if (now - last > TimeUnit.SECONDS.toNanos(2)) {
                    System.out.println(RESUMED + permit.isValid());
                  }
                  last = now;
                  Thread.onSpinWait();
                }
              });
      watch.setName("watch");
      looking.await();
      System.out.println(HELD + permit.fencingToken());
      int input = System.in.read();
      if (input >= 0) {
        permit.close();
        System.out.println("closed");
      }
    }
  }

  String awaitLine(String beginning) throws InterruptedException {
    while (true) {
      String line = lines.poll(60, TimeUnit.SECONDS);
      if (line == null) {
        throw new AssertionError("gave up waiting for: " + beginning);
      }
      if (line.startsWith(beginning)) {
        return line.substring(beginning.length());
      }
    }
  }

  void awaitAsked() throws InterruptedException {
    awaitLine(ASKED);
  }

  long awaitHeld() throws InterruptedException {
    return Long.parseLong(awaitLine(HELD));
  }

  /** Whether the permit was valid when the machine went on after a pause. */
  boolean awaitResumed() throws InterruptedException {
    return Boolean.parseBoolean(awaitLine(RESUMED));
  }

  List<String> linesSoFar() {
    return List.copyOf(lines);
  }

  void giveBack() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
  }

  void signal(String name) throws Exception {
    RealRedis.signal(process.pid(), name);
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
