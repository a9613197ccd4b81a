package dev.bouncer.cli.sem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineSemaphoreTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void acquire_afterClose_hasThePermitAgain() throws Exception {
    MachineSemaphore one = MachineSemaphore.open(folder, "backup", 1);
    FileChannel permit = one.acquire();
    permit.close();
    one.acquire().close();
  }

  @Test
  void open_badNamesAndLimits_areRefused() {
    for (String name : new String[] {"", "..", "a/b", "-x", "a b"}) {
      assertThrows(
          IllegalArgumentException.class, () -> MachineSemaphore.open(folder, name, 1), name);
    }
    assertThrows(IllegalArgumentException.class, () -> MachineSemaphore.open(folder, "a", 0));
  }

  @Test
  void redisLimit_isReadFromItsUri() {
    assertEquals(
        new RedisLimit("redis://cache:6379", "api", 5),
        RedisLimit.parse("redis://cache:6379/api=5"));
    assertEquals(
        new RedisLimit("redis://cache/2", "api", 5), RedisLimit.parse("redis://cache/2/api", 5));
    assertEquals(
        "redis://:p%40ss%20%2F@cache",
        new RedisLimit("redis://cache", "api", 5).withPassword("p@ss /"));
    for (String bad :
        new String[] {
          "redis://cache=5", "redis://cache/=5", "api=5", "redis://c/a=x", "redis://c/a=0"
        }) {
      assertThrows(IllegalArgumentException.class, () -> RedisLimit.parse(bad), bad);
    }
  }
}
