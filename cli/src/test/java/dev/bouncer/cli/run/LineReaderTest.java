package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class LineReaderTest {
  private static List<String> lines(String text, char separator) throws IOException {
    LineReader reader =
        new LineReader(new ByteArrayInputStream(text.getBytes(ISO_8859_1)), separator);
    List<String> lines = new ArrayList<>();
    for (Input input = reader.next(); input != null; input = reader.next()) {
      assertNull(input.defect());
      lines.add(new String(input.bytes(), ISO_8859_1));
    }
    assertNull(reader.next());
    return lines;
  }

  @Test
  void lines_endWithNewlineOrTheEnd() throws IOException {
    assertEquals(List.of(), lines("", '\n'));
    assertEquals(List.of("a"), lines("a", '\n'));
    assertEquals(List.of("a"), lines("a\n", '\n'));
    assertEquals(List.of("a", "b"), lines("a\nb", '\n'));
    assertEquals(List.of("", "a", "", ""), lines("\na\n\n\n", '\n'));
  }

  @Test
  void nullSeparator_letsNewlinesPass() throws IOException {
    assertEquals(List.of("a\nb", "", "c"), lines("a\nb\0\0c", '\0'));
  }

  @Test
  void anyBytesButTheSeparator_passUnharmed() throws IOException {
    StringBuilder all = new StringBuilder();
    for (char c = 1; c < 256; c++) {
      if (c != '\n') {
        all.append(c);
      }
    }
    assertEquals(List.of(all.toString(), all.toString()), lines(all + "\n" + all + "\n", '\n'));
  }

  @Test
  void readsThatEndAnywhere_makeNoDifference() throws IOException {
    Random random = new Random(1);
    for (int round = 0; round < 200; round++) {
      StringBuilder text = new StringBuilder();
      int length = random.nextInt(200_000);
      while (text.length() < length) {
        text.append("x".repeat(random.nextInt(1 << random.nextInt(17)))).append('\n');
      }
      LineReader reader =
          new LineReader(
              new ByteArrayInputStream(text.toString().getBytes(ISO_8859_1)) {
                @Override
                public synchronized int read(byte[] target, int from, int count) {
                  return super.read(target, from, 1 + random.nextInt(count));
                }
              },
              '\n');
      StringBuilder read = new StringBuilder();
      for (Input input = reader.next(); input != null; input = reader.next()) {
        read.append(new String(input.bytes(), ISO_8859_1)).append('\n');
      }
      assertEquals(text.toString(), read.toString());
    }
  }

  @Test
  void lineWithAZeroByte_isDefective() throws IOException {
    LineReader reader = new LineReader(new ByteArrayInputStream(new byte[] {'a', 0, '\n'}), '\n');
    Input input = reader.next();
    assertNotNull(input);
    assertTrue(String.valueOf(input.defect()).contains("zero byte"));
  }

  @Test
  void lineOfTheLongestLength_isWhole() throws IOException {
    String longest = "x".repeat(LineReader.MAX_BYTES);
    assertEquals(List.of(longest, "y"), lines(longest + "\ny", '\n'));
  }

  /** Far more bytes than the heap of a test has: a stream that is only counted. */
  @Test
  void lineWithoutEnd_isDefectiveAndNotKept() throws IOException {
    long size = 20L << 30;
    long[] left = {size};
    InputStream endless =
        new InputStream() {
          @Override
          public int read() {
            throw new AssertionError("blocks only");
          }

          @Override
          public int read(byte[] target, int from, int count) {
            int given = (int) Math.min(left[0], count);
            left[0] -= given;
            return given == 0 ? -1 : given; // the block already holds what it held: zeros
          }
        };
    LineReader reader = new LineReader(endless, '\n');
    Input input = reader.next();
    assertNotNull(input);
    assertTrue(String.valueOf(input.defect()).contains("bytes=" + size), input.defect());
    assertTrue(input.bytes().length < 1000);
    assertNull(reader.next());
  }

  @Test
  void input_isReadAsItIsNeeded() throws IOException {
    int[] reads = {0};
    InputStream slow =
        new InputStream() {
          @Override
          public int read() {
            throw new AssertionError("blocks only");
          }

          @Override
          public int read(byte[] target, int from, int count) {
            reads[0]++;
            target[from] = 'a';
            target[from + 1] = '\n';
            return 2;
          }
        };
    LineReader reader = new LineReader(slow, '\n');
    for (int i = 1; i <= 1000; i++) {
      Input input = reader.next();
      assertNotNull(input);
      assertArrayEquals(new byte[] {'a'}, input.bytes());
      assertEquals(i, reads[0]); // never asks for the next line before it is wanted
    }
    assertEquals(OptionalLong.empty(), reader.total());
  }

  @Test
  void total_isKnownAtTheEnd() throws IOException {
    LineReader reader = new LineReader(new ByteArrayInputStream(new byte[] {'a', '\n', 'b'}), '\n');
    while (reader.next() != null) {}
    assertEquals(OptionalLong.of(2), reader.total());
  }
}
