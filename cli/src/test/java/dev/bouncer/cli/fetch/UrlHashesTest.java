package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class UrlHashesTest {
  @Test
  void add_manyHashes_isWhatASetSays() {
    UrlHashes hashes = new UrlHashes();
    Set<Long> expected = new HashSet<>();
    Random random = new Random(7);
    for (int i = 0; i < 200_000; i++) {
      // Some twice, zero among them, and some that want the same slot.
      long hash = i % 2 == 0 ? random.nextLong(-100, 60_000) : random.nextLong(1_000) << 40;
      assertEquals(expected.add(hash), hashes.add(hash), () -> "hash=" + hash);
    }
  }

  @Test
  void contains_isThatUrlOnly_andNoMatterItsFragment() throws Exception {
    UrlHashes hashes = new UrlHashes();
    assertTrue(hashes.add(Url.parse("http://example.org/a?b#c")));
    assertTrue(hashes.contains(Url.parse("http://example.org/a?b#d")));
    assertFalse(hashes.contains(Url.parse("http://example.org/a")));
    assertFalse(hashes.add(Url.parse("http://example.org/a?b")));
  }
}
