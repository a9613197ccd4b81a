package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class PrintableTest {
  private static String shown(String utf8) {
    return Printable.of(utf8.getBytes(UTF_8), 100);
  }

  @Test
  void text_isShownAsItIs() {
    assertEquals("a b'\"$é日😀", shown("a b'\"$é日😀"));
    assertEquals("", shown(""));
  }

  @Test
  void whatCouldControlATerminal_isEscaped() {
    assertEquals("a\\nb\\tc\\r\\x1b[31m\\x7f\\x00", shown("a\nb\tc\r\033[31m\u007f\0"));
    assertEquals("\\xc2\\x9b", shown("\u009b")); // the one-character form of ESC [
    assertEquals("\\xe2\\x80\\xae", shown("\u202e")); // writes from right to left
  }

  @Test
  void invalidUtf8_isEscaped() {
    assertEquals(
        "a\\xffb\\xe4\\xb8", Printable.of("a\u00ffb\u00e4\u00b8".getBytes(ISO_8859_1), 99));
    assertEquals("\\xed\\xa0\\x80", Printable.of("\u00ed\u00a0\u0080".getBytes(ISO_8859_1), 99));
  }

  @Test
  void longText_isShortened() {
    assertEquals("xxxxx...", Printable.of("x".repeat(50).getBytes(UTF_8), 5));
    assertEquals("xxxxx", Printable.of("x".repeat(5).getBytes(UTF_8), 5));
  }
}
