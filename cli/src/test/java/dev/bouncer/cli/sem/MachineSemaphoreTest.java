package dev.bouncer.cli.sem;

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
}
