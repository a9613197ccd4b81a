package dev.bouncer.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Short-lived files that only their owner can read: in memory where there is such a file system, in
 * the folder for temporary files where there is not, or where that one is full.
 *
 * <p>A file is made by whoever is first or not at all, so a name that can be guessed does no harm.
 * {@link Files#createTempFile} draws its names from a secure random generator, whose first use
 * costs a JVM 20 ms, in the way of the first worker.
 */
final class PrivateFile {
  private static final Path MEMORY_FOLDER = Path.of("/dev/shm");
  private static final Set<OpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);

  private PrivateFile() {}

  /** Writes what a new file is to hold. */
  interface Content {
    void writeTo(WritableByteChannel file) throws IOException;
  }

  /**
   * Makes a file.
   *
   * @param name what its name begins with
   * @param content what is in it
   * @return where it is
   * @throws IOException if no folder takes it
   */
  static Path write(String name, byte[] content) throws IOException {
    Content whole =
        file -> {
          ByteBuffer rest = ByteBuffer.wrap(content);
          while (rest.hasRemaining()) {
            var _ = file.write(rest);
          }
        };
    @Nullable IOException full = null;
    if (Files.isWritable(MEMORY_FOLDER)) {
      try {
        return write(MEMORY_FOLDER, name, whole);
      } catch (IOException noRoom) {
        full = noRoom;
      }
    }
    try {
      return write(Path.of(System.getProperty("java.io.tmpdir", "/tmp")), name, whole);
    } catch (IOException noRoom) {
      if (full != null) {
        noRoom.addSuppressed(full);
      }
      throw noRoom;
    }
  }

  /**
   * Makes a file in a folder.
   *
   * @param folder which
   * @param name what its name begins with
   * @param content what is in it
   * @return where it is
   * @throws IOException if the folder does not take it; nothing is left of it then
   */
  static Path write(Path folder, String name, Content content) throws IOException {
    while (true) {
      Path path = folder.resolve(name + "-" + Long.toHexString(System.nanoTime()));
      try (SeekableByteChannel channel = Files.newByteChannel(path, NEW, ownerOnly())) {
        content.writeTo(channel);
        return path;
      } catch (FileAlreadyExistsException taken) {
        // Another moment has another name.
      } catch (IOException | RuntimeException | Error failure) {
        Files.deleteIfExists(path);
        throw failure;
      }
    }
  }

  private static FileAttribute<?>[] ownerOnly() {
    if (!FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
      return new FileAttribute<?>[0]; // there, each user has a folder for temporary files
    }
    return new FileAttribute<?>[] {
      PosixFilePermissions.asFileAttribute(
          EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE))
    };
  }
}
