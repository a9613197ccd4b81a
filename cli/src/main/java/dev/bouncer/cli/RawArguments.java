package dev.bouncer.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The command line as bytes. Java decodes it by the locale's charset, and what that charset cannot
 * hold, such as a file name that is not UTF-8, is lost; Linux still has the original.
 */
final class RawArguments {
  private static final Path ORIGINAL = Path.of("/proc/self/cmdline");

  private RawArguments() {}

  /** Returns the arguments with each byte as the character of the same value. */
  static String[] of(String[] decoded) {
    try {
      String line = new String(Files.readAllBytes(ORIGINAL), ISO_8859_1);
      String[] all = line.split("\0", -1); // the last one ends with a zero byte, too
      int first = all.length - 1 - decoded.length;
      if (first > 0) {
        String[] raw = java.util.Arrays.copyOfRange(all, first, all.length - 1);
        if (areAlike(raw, decoded)) {
          return raw;
        }
      }
    } catch (IOException elsewhere) {
      // Not Linux: what Java decoded has to do.
    }
    Charset charset = Charset.forName(System.getProperty("native.encoding"));
    String[] encoded = new String[decoded.length];
    for (int i = 0; i < decoded.length; i++) {
      encoded[i] = new String(decoded[i].getBytes(charset), ISO_8859_1);
    }
    return encoded;
  }

  /** Where Java could decode an argument, it must be the one found. */
  private static boolean areAlike(String[] raw, String[] decoded) {
    for (int i = 0; i < raw.length; i++) {
      boolean plain = raw[i].chars().allMatch(c -> c < 0x80);
      if (plain && !raw[i].equals(decoded[i])) {
        return false;
      }
    }
    return true;
  }
}
