package dev.bouncer.cli.run;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Shows bytes that come from anywhere on one line, without letting them control the terminal. */
public final class Printable {
  private Printable() {}

  /**
   * Returns the text with control characters and invalid UTF-8 written as {@code \n} or {@code
   * \xff}, shortened to about the given number of characters.
   *
   * @param bytes a text, probably in UTF-8
   * @param maxCharacters where it is cut
   * @return one line
   */
  public static String of(byte[] bytes, int maxCharacters) {
    StringBuilder shown = new StringBuilder();
    int at = 0;
    while (at < bytes.length) {
      if (shown.length() >= maxCharacters) {
        return shown.append("...").toString();
      }
      int length = characterLength(bytes, at);
      String character = length == 0 ? "" : decode(bytes, at, length);
      if (character.isEmpty() || isUnsafe(character.codePointAt(0))) {
        appendEscaped(shown, bytes[at]);
        at++;
      } else {
        shown.append(character);
        at += length;
      }
    }
    return shown.toString();
  }

  private static boolean isUnsafe(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          true;
      default -> false;
    };
  }

  /** Returns how many bytes the character takes by its first byte, or 0 if none starts here. */
  private static int characterLength(byte[] bytes, int at) {
    int first = bytes[at] & 0xff;
    int length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return at + length <= bytes.length ? length : 0;
  }

  private static String decode(byte[] bytes, int at, int length) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, at, length))
          .toString();
    } catch (CharacterCodingException invalid) {
      return "";
    }
  }

  private static void appendEscaped(StringBuilder shown, byte b) {
    switch (b) {
      case '\n' -> shown.append("\\n");
      case '\t' -> shown.append("\\t");
      case '\r' -> shown.append("\\r");
      default -> shown.append("\\x").append(String.format("%02x", b & 0xff));
    }
  }
}
