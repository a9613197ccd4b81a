package dev.bouncer.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Asks the system how much memory a process holds. */
final class ProcessMemory {
  private static final int PAGE = 4_096;

  private ProcessMemory() {}

  /**
   * Reads the resident memory of a process from {@code /proc/PID/statm}.
   *
   * @return the bytes; empty where the system does not tell, or the process is gone
   */
  static OptionalLong resident(long pid) {
    try {
      String[] fields = Files.readString(Path.of("/proc", "" + pid, "statm")).split(" ", -1);
      return OptionalLong.of(Long.parseLong(fields[1]) * PAGE);
    } catch (IOException | RuntimeException notTold) {
      return OptionalLong.empty();
    }
  }
}
