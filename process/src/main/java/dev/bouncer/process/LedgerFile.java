package dev.bouncer.process;

import dev.bouncer.process.wire.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The file behind the {@link Ledger} of one worker: in memory where there is such a file system,
 * and only as long as it takes the worker to map it.
 */
final class LedgerFile {
  private static final Path MEMORY_FOLDER = Path.of("/dev/shm");

  final Path path;
  final Ledger ledger;

  private LedgerFile(Path path, Ledger ledger) {
    this.path = path;
    this.ledger = ledger;
  }

  static LedgerFile create(int workerId) throws IOException {
    String prefix = "bouncer-" + ProcessHandle.current().pid() + "-ledger-" + workerId + "-";
    Path path = // mode 0600
        Files.isWritable(MEMORY_FOLDER)
            ? Files.createTempFile(MEMORY_FOLDER, prefix, "")
            : Files.createTempFile(prefix, "");
    try {
      return new LedgerFile(path, Ledger.map(path));
    } catch (IOException | RuntimeException | Error impossible) {
      Files.deleteIfExists(path);
      throw impossible;
    }
  }

  /** Takes the name away; the memory stays as long as either side has it mapped. */
  void delete() {
    var _ = path.toFile().delete();
  }
}
