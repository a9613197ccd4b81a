package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.bouncer.cli.run.Input;
import dev.bouncer.cli.run.Printable;
import java.net.URI;
import java.net.URISyntaxException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * An address that can be fetched.
 *
 * @param text as it was given
 * @param uri what it means, without a fragment
 */
record Url(String text, URI uri) {
  private static final Pattern USER = Pattern.compile("^([^/?#]*//)[^/?#]*@");
  private static final String BYTE_ORDER_MARK = "\ufeff";
  private static final int SHOWN_CHARACTERS = 200;
  private static final int LONGEST_STEM = 60;
  private static final int LONGEST_EXTENSION = 10;
  private static final int HASH_BYTES = 8;

  /** What is wrong with an address. */
  static final class MalformedException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedException(String message) {
      super(message);
    }
  }

  /** Returns what an input says, whatever editor or system has written it. */
  static String text(Input input) {
    String text = new String(input.bytes(), UTF_8).strip();
    return text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text;
  }

  /** Reads an address, which must be there as a whole. */
  static Url parse(Input input) throws MalformedException {
    Url url = parse(text(input));
    if (input.defect() != null) { // it is too long; a zero byte was found above
      throw new MalformedException("URL must be short enough: " + input.defect());
    }
    if (!Arrays.equals(new String(input.bytes(), UTF_8).getBytes(UTF_8), input.bytes())) {
      throw new MalformedException("URL must be UTF-8; other bytes need percent signs");
    }
    return url;
  }

  /** Reads an address. */
  static Url parse(String text) throws MalformedException {
    URI uri;
    try {
      uri = new URI(text);
    } catch (URISyntaxException wrong) {
      throw new MalformedException(
          "URL must be well-formed: " + wrong.getReason() + " after character " + wrong.getIndex());
    }
    String scheme = uri.getScheme();
    if (scheme == null || !(scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"))) {
      throw new MalformedException("URL must start with http:// or https://");
    }
    if (uri.getHost() == null || uri.getHost().isEmpty()) {
      throw new MalformedException("URL must name a host that is spelled as the network does");
    }
    if (uri.getPort() > 65_535) {
      throw new MalformedException("URL must have a port up to 65535: port=" + uri.getPort());
    }
    if (uri.getRawUserInfo() != null) {
      throw new MalformedException(
          "URL must not contain a user or password; --headers can send them");
    }
    String whole = uri.toASCIIString();
    int fragment = whole.indexOf('#');
    return new Url(text, URI.create(fragment < 0 ? whole : whole.substring(0, fragment)));
  }

  /**
   * Returns the text without a user and password that it may contain: they are nobody's business.
   */
  static String withoutUser(String text) {
    return USER.matcher(text).replaceFirst("$1***@");
  }

  /** Returns the text as it can be shown on a terminal. */
  static String printable(String text) {
    return Printable.of(text.getBytes(UTF_8), SHOWN_CHARACTERS);
  }

  /** Returns 64 bits that no other address is likely to have. */
  long hash() {
    byte[] digest = digest();
    long bits = 0;
    for (int i = 0; i < HASH_BYTES; i++) {
      bits = bits << 8 | (digest[i] & 0xff);
    }
    return bits;
  }

  private byte[] digest() {
    try {
      return MessageDigest.getInstance("SHA-256").digest(uri.toString().getBytes(UTF_8));
    } catch (NoSuchAlgorithmException impossible) {
      throw new AssertionError(impossible); // every JVM has it
    }
  }

  /**
   * Returns a file name that is safe on every system, says what it is, and is the same for this
   * address each time and for no other: {@code example.org-logo-0123456789abcdef.png}.
   */
  String fileName() {
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    while (path.endsWith("/")) {
      path = path.substring(0, path.length() - 1);
    }
    String last = path.substring(path.lastIndexOf('/') + 1);
    int dot = last.lastIndexOf('.');
    String extension = dot < 0 ? "" : last.substring(dot + 1);
    boolean plain =
        !extension.isEmpty()
            && extension.length() <= LONGEST_EXTENSION
            && extension.chars().allMatch(Url::isPlain);
    String stem = safe(plain ? last.substring(0, dot) : last);
    return safe(uri.getHost())
        + "-"
        + (stem.isEmpty() ? "" : stem + "-")
        + HexFormat.of().formatHex(digest(), 0, HASH_BYTES)
        + (plain ? "." + extension : "");
  }

  private static String safe(String text) {
    StringBuilder safe = new StringBuilder();
    for (int i = 0; i < Math.min(text.length(), LONGEST_STEM); i++) {
      char c = text.charAt(i);
      boolean kept = isPlain(c) || c == '-' || c == '_' || (c == '.' && i > 0);
      safe.append(kept ? c : '_');
    }
    return safe.toString();
  }

  private static boolean isPlain(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }
}
