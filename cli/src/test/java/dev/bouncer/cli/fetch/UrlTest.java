package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.cli.run.Input;
import dev.bouncer.cli.run.LineReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class UrlTest {
  private static String name(String url) throws Exception {
    return Url.parse(url).fileName();
  }

  @ParameterizedTest
  @CsvSource({
    "https://example.org/a/logo.png, example.org-logo-[0-9a-f]{16}\\.png",
    "https://example.org/, example.org-[0-9a-f]{16}",
    "https://example.org, example.org-[0-9a-f]{16}",
    "https://example.org/a/b/, example.org-b-[0-9a-f]{16}",
    "http://127.0.0.1:8080/x?y=1&z=/../w, 127.0.0.1-x-[0-9a-f]{16}",
    "http://example.org/.., example.org-_\\.-[0-9a-f]{16}",
    "http://example.org/%2e%2e%2f.bashrc, example.org-_2e_2e_2f-[0-9a-f]{16}\\.bashrc",
    "http://[::1]/a, '___1_-a-[0-9a-f]{16}'",
    "http://example.org/archive.tar.gz, example.org-archive.tar-[0-9a-f]{16}\\.gz",
    "http://example.org/name.verylongextension, example.org-name.verylongextension-[0-9a-f]{16}",
  })
  void fileName_saysWhatItIs(String url, String expected) throws Exception {
    assertTrue(name(url).matches(expected), () -> expected + " but was " + nameOf(url));
  }

  private static String nameOf(String url) {
    try {
      return name(url);
    } catch (Exception malformed) {
      return malformed.toString();
    }
  }

  @Test
  void fileName_isTheSameEachTimeAndDifferentForEachUrl() throws Exception {
    Set<String> names = new HashSet<>();
    List<String> urls =
        List.of(
            "http://h/a",
            "http://h/A",
            "http://h/a?x",
            "http://h/b/a",
            "https://h/a",
            "http://h:81/a",
            "http://h/a.",
            "http://h/" + "a".repeat(5_000),
            "http://h/" + "a".repeat(5_001));
    for (String url : urls) {
      assertEquals(name(url), name(url));
      assertTrue(names.add(name(url).toLowerCase(java.util.Locale.ROOT)), url);
      assertTrue(name(url).length() < 200, url);
    }
  }

  @Test
  void userAndPassword_areNeverShown() {
    assertEquals("http://***@h/a", Url.withoutUser("http://user:se@cret@h/a"));
    assertEquals("http://h/a@b", Url.withoutUser("http://h/a@b"));
    assertEquals("no url @ all", Url.withoutUser("no url @ all"));
  }

  @Test
  void fragment_isNoPartOfTheAddress() throws Exception {
    assertEquals(name("http://h/a"), name("http://h/a#part"));
    assertEquals("http://h/a", Url.parse("http://h/a#part").uri().toString());
    assertEquals(Url.parse("http://h/a#x").hash(), Url.parse("http://h/a").hash());
    assertNotEquals(Url.parse("http://h/b").hash(), Url.parse("http://h/a").hash());
  }

  @Test
  void charactersBeyondAscii_areEncoded() throws Exception {
    assertEquals("http://h/%C3%BC", Url.parse("http://h/ü").uri().toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "example.org/a",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http:///a",
        "http://a b/",
        "http://h/%zz",
        "http://h_h/",
        "http://h:99999/",
        "http://user:secret@h/",
        "javascript:alert(1)",
        "://",
        "http://[::1/"
      })
  void whatCannotBeFetched_isRefused(String url) {
    assertThrows(Url.MalformedException.class, () -> Url.parse(url));
  }

  @Test
  void parse_inputOfAnotherSystem_isTheAddressAlone() throws Exception {
    Url url = Url.parse(input("\ufeffhttp://h/\u00e4\t\r\n".getBytes(UTF_8)));
    assertEquals("http://h/\u00e4", url.text());
    assertEquals("http://h/%C3%A4", url.uri().toString());
    assertEquals("", Url.text(input("\ufeff\r\n".getBytes(UTF_8))));
  }

  /** Else another address would be fetched than the one that was given. */
  @Test
  void parse_inputThatIsNotThereAsAWhole_isRefused() throws Exception {
    assertMalformed(
        "URL must be short enough: it is longer than an argument can be: bytes=200009"
            + " maximum=131071",
        ("http://h/" + "\u00e4".repeat(100_000)).getBytes(UTF_8));
    assertMalformed(
        "URL must be UTF-8; other bytes need percent signs",
        "http://h/\u00e4".getBytes(ISO_8859_1));
    assertMalformed(
        "URL must be well-formed: Illegal character in path after character 9",
        "http://h/\0".getBytes(UTF_8));
  }

  private static void assertMalformed(String message, byte[] line) throws Exception {
    Input input = input(line);
    assertEquals(
        message, assertThrows(Url.MalformedException.class, () -> Url.parse(input)).getMessage());
  }

  private static Input input(byte[] line) throws IOException {
    return Objects.requireNonNull(new LineReader(new ByteArrayInputStream(line), '\n').next());
  }
}
