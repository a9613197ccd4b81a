package dev.bouncer.benchmarks;

import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.redisson.api.RPermitExpirableSemaphore;
import org.redisson.api.RedissonClient;

/**
 * Seconds until the permit of a killed process can be used by a waiter, with a lease of 30 seconds.
 * Arguments: URI, contender. Started with a name behind them, it is the process to be killed.
 */
public final class RedisKill {
  private static final Duration LEASE = Duration.ofSeconds(30);

  private RedisKill() {}

  /**
   * Measures, or holds the permit.
   *
   * @param args see the class
   * @throws Exception if Redis failed
   */
  public static void main(String[] args) throws Exception {
    boolean ours = args[1].equals("bouncer");
    if (args.length == 3) {
      if (ours) {
        semaphore(args[0], args[2]).acquire();
      } else {
        redisson(args[0], args[2]).acquire(LEASE.toSeconds(), TimeUnit.SECONDS);
      }
      System.out.println("held");
      System.in.read();
      return;
    }
    String name = "kill-" + ProcessHandle.current().pid();
    Callable<?> waiting;
    if (ours) {
      RedisSemaphore semaphore = semaphore(args[0], name);
      waiting = semaphore::acquire;
    } else {
      RPermitExpirableSemaphore semaphore = redisson(args[0], name);
      waiting = semaphore::acquire;
    }
    Process holder =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                RedisKill.class.getName(),
                args[0],
                args[1],
                name)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    if (holder.inputReader().readLine() == null) {
      throw new IOException("the holder has no permit");
    }
    CompletableFuture<Long> hadAt = new CompletableFuture<>();
    Thread.ofPlatform()
        .start(() -> {
          try {
            waiting.call();
            hadAt.complete(System.nanoTime());
          } catch (Exception failed) {
            hadAt.completeExceptionally(failed);
          }
        });
    Thread.sleep(500); // it waits, and the holder's permit has been confirmed
    long killed = System.nanoTime();
    holder.destroyForcibly();
    double seconds = (hadAt.get(1, TimeUnit.MINUTES) - killed) / 1e9;
    System.out.println(String.format(Locale.ROOT, "%f", seconds));
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static RedisSemaphore semaphore(String uri, String name) {
    RedisConnection connection = RedisSemaphore.connect(uri);
    return connection.builder(name, 1).lease(LEASE).build();
  }

  private static RPermitExpirableSemaphore redisson(String uri, String name) {
    RedissonClient client = RedisContender.redisson(uri);
    RPermitExpirableSemaphore semaphore = client.getPermitExpirableSemaphore(name);
    semaphore.trySetPermits(1);
    return semaphore;
  }
}
