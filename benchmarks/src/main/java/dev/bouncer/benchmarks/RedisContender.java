package dev.bouncer.benchmarks;

import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import org.redisson.Redisson;
import org.redisson.api.RLock;
import org.redisson.api.RSemaphore;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;

/** One client of a limit in Redis, as its users write it. */
interface RedisContender extends AutoCloseable {

  /** Takes a permit, runs the action, gives the permit back. */
  void pair(Runnable inside) throws Exception;

  static RedisContender open(String contender, String uri, String name, int limit) {
    return switch (contender) {
      case "strict", "reuse" -> {
        RedisConnection connection = RedisSemaphore.connect(uri);
        RedisSemaphore semaphore =
            connection.builder(name, limit).strictFifo(contender.equals("strict")).build();
        yield new RedisContender() {
          @Override
          public void pair(Runnable inside) throws Exception {
            try (var _ = semaphore.acquire()) {
              inside.run();
            }
          }

          @Override
          public void close() {
            connection.close();
          }
        };
      }
      case "RSemaphore" -> {
        RedissonClient client = redisson(uri);
        RSemaphore semaphore = client.getSemaphore(name);
        semaphore.trySetPermits(limit);
        yield new RedisContender() {
          @Override
          public void pair(Runnable inside) throws Exception {
            semaphore.acquire();
            try {
              inside.run();
            } finally {
              semaphore.release();
            }
          }

          @Override
          public void close() {
            client.shutdown();
          }
        };
      }
      case "FairLock" -> {
        RedissonClient client = redisson(uri);
        RLock lock = client.getFairLock(name);
        yield new RedisContender() {
          @Override
          public void pair(Runnable inside) {
            lock.lock();
            try {
              inside.run();
            } finally {
              lock.unlock();
            }
          }

          @Override
          public void close() {
            client.shutdown();
          }
        };
      }
      default -> throw new IllegalArgumentException("contender=" + contender);
    };
  }

  static RedissonClient redisson(String uri) {
    Config config = new Config();
    config.useSingleServer().setAddress(uri);
    return Redisson.create(config);
  }

  @Override
  void close();
}
