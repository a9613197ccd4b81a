package dev.bouncer.cli.demo;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Brings processes together: each one leaves its mark in a folder and waits for the others'. As a
 * worker runs one task at a time, so many tasks that meet are so many workers that are up.
 */
final class Meeting {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private Meeting() {}

  /** Waits in a worker until so many have come. */
  static boolean join(String folder, int number, int expected) throws IOException {
    Path directory = Path.of(folder);
    Files.writeString(directory.resolve("worker-" + number), "here");
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() - end < 0) {
      String[] present = new File(folder).list();
      if (present == null || present.length >= expected) {
        return true;
      }
      Thread.onSpinWait();
    }
    return false;
  }
}
