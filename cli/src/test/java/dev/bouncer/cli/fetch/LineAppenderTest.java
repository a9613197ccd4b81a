package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LineAppenderTest {
  @TempDir private Path folder;
  private Path path;
  private Disk disk;

  @BeforeEach
  void begin() throws IOException {
    path = folder.resolve("lines");
    disk = new Disk(path);
  }

  @Test
  void add_whileThereIsRoom_isInTheFileAtOnce() throws Exception {
    LineAppender lines = new LineAppender(disk);
    add(lines, "a\n");
    assertEquals("a\n", written());
    assertEquals(0, lines.heldBack());
  }

  @Test
  void add_toWholeLines_goesOnBehindThem() throws Exception {
    Files.writeString(path, "earlier\n");
    disk = new Disk(path);
    LineAppender lines = new LineAppender(disk);
    disk.room = 4;
    add(lines, "later\n"); // is torn: what was there must stay
    assertEquals("earlier\n", written());
    disk.room = 100;
    add(lines, "last\n");
    assertEquals("earlier\nlater\nlast\n", written());
  }

  @Test
  void add_lineThatFitsInPart_leavesNothingOfItUntilThereIsRoom() throws Exception {
    LineAppender lines = new LineAppender(disk);
    disk.room = 5;
    add(lines, "one\n");
    add(lines, "two\n");
    add(lines, "3\n"); // would fit, but must not overtake
    assertEquals("one\n", written());
    assertEquals(2, lines.heldBack());
    disk.room = 4;
    add(lines, "four\n");
    assertEquals("one\ntwo\n", written());
    assertEquals(2, lines.heldBack());
    disk.room = 100;
    add(lines, "five\n");
    assertEquals("one\ntwo\n3\nfour\nfive\n", written());
    assertEquals(0, lines.heldBack());
  }

  @Test
  void add_whenATornLineCannotBeCutOff_writesNothingBeforeThat() throws Exception {
    LineAppender lines = new LineAppender(disk);
    disk.room = 1;
    disk.truncates = false;
    add(lines, "one\n");
    assertEquals("o", written());
    disk.room = 100;
    add(lines, "two\n");
    assertEquals("o", written());
    disk.truncates = true;
    add(lines, "three\n");
    assertEquals("one\ntwo\nthree\n", written());
  }

  @Test
  void add_beyondTheBound_fails() throws Exception {
    LineAppender lines = new LineAppender(disk);
    String line = "x".repeat(LineAppender.MAX_HELD_BACK_BYTES / 4 - 1) + "\n";
    disk.room = 0;
    for (int i = 0; i < 4; i++) {
      add(lines, line);
    }
    IOException full = assertThrows(IOException.class, () -> add(lines, "y\n"));
    assertEquals("No space left on device", full.getMessage());
    disk.room = Long.MAX_VALUE;
    add(lines, "z\n"); // nothing was lost
    assertEquals(line.repeat(4) + "y\nz\n", written());
    disk.room = 0;
    for (int i = 0; i < 4; i++) {
      add(lines, line); // what was written does not count any more
    }
    assertThrows(IOException.class, () -> add(lines, "y\n"));
  }

  @Test
  void add_toAFileThatIsClosed_fails() throws Exception {
    LineAppender lines = new LineAppender(disk);
    disk.close();
    assertThrows(ClosedChannelException.class, () -> add(lines, "a\n"));
  }

  @Test
  void close_whenThereIsRoom_writesWhatIsHeldBack() throws Exception {
    LineAppender lines = new LineAppender(disk);
    disk.room = 1;
    add(lines, "one\n");
    disk.room = 100;
    lines.close();
    assertEquals("one\n", written());
    assertFalse(disk.isOpen());
  }

  @Test
  void close_whenThereIsNoRoom_failsOnce() throws Exception {
    LineAppender lines = new LineAppender(disk);
    disk.room = 5;
    add(lines, "one\n");
    add(lines, "two\n");
    assertThrows(IOException.class, lines::close);
    assertEquals("one\n", written());
    assertEquals(1, lines.heldBack());
    assertFalse(disk.isOpen());
    lines.close();
  }

  @Test
  void add_toADiskThatIsFullNowAndThen_losesNothingAndKeepsTheOrder() throws Exception {
    Random random = new Random(20);
    LineAppender lines = new LineAppender(disk);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      disk.room = random.nextInt(3) == 0 ? random.nextInt(60) : disk.room;
      disk.truncates = random.nextInt(4) != 0;
      String line = i + "-".repeat(random.nextInt(20));
      all.add(line);
      add(lines, line + "\n");
      if (!disk.truncates) {
        continue;
      }
      String written = written();
      assertEquals(all.subList(0, all.size() - lines.heldBack()), wholeLines(written));
    }
    disk.room = Long.MAX_VALUE;
    disk.truncates = true;
    lines.close();
    assertEquals(String.join("\n", all) + "\n", written());
  }

  private static List<String> wholeLines(String text) {
    return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
  }

  private static void add(LineAppender lines, String line) throws IOException {
    lines.add(line.getBytes(UTF_8));
  }

  private String written() throws IOException {
    return Files.readString(path);
  }

  /** A file on a disk that has as much room as the test says, and gets room back by truncation. */
  private static final class Disk implements SeekableByteChannel {
    private final FileChannel file;
    long room = Long.MAX_VALUE;
    boolean truncates = true;

    Disk(Path path) throws IOException {
      file =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    @Override
    public int write(ByteBuffer bytes) throws IOException {
      if (!isOpen()) {
        throw new ClosedChannelException();
      }
      if (room == 0) {
        throw new IOException("No space left on device");
      }
      int fits = (int) Math.min(bytes.remaining(), room);
      ByteBuffer first = bytes.slice(bytes.position(), fits);
      int written = file.write(first);
      bytes.position(bytes.position() + written);
      room -= written;
      return written;
    }

    @Override
    public SeekableByteChannel truncate(long size) throws IOException {
      if (!truncates) {
        throw new IOException("Input/output error");
      }
      room += Math.max(0, file.size() - size);
      file.truncate(size);
      return this;
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    public boolean isOpen() {
      return file.isOpen();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }

    @Override
    public int read(ByteBuffer bytes) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long position() {
      throw new UnsupportedOperationException();
    }

    @Override
    public SeekableByteChannel position(long position) {
      throw new UnsupportedOperationException();
    }
  }
}
