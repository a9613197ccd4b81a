package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class KeyTableTest {
  private static final int MANY = 10_000;

  private final KeyTable<Integer, String> table = new KeyTable<>();

  private void put(int from, int to) {
    for (int key = from; key < to; key++) {
      assertNull(table.putIfAbsent(key, "value " + key));
    }
  }

  private void remove(int from, int to) {
    for (int key = from; key < to; key++) {
      String value = table.get(key);
      assertEquals("value " + key, value);
      assertTrue(value != null && table.remove(key, value), "key=" + key);
    }
  }

  private Set<Integer> keys() {
    Set<Integer> keys = new HashSet<>();
    table.forEach((key, _) -> assertTrue(keys.add(key), "key=" + key));
    return keys;
  }

  @Test
  void putIfAbsent_keyThatHasAValue_keepsIt() {
    put(1, 2);
    assertEquals("value 1", table.putIfAbsent(1, "another"));
    assertEquals("value 1", table.get(1));
    assertFalse(table.remove(1, "another"));
    assertTrue(table.contains(1));
  }

  @Test
  void remove_valueThatOnlyEqualsTheOneInPlace_removesNothing() {
    put(1, 2);
    assertFalse(table.remove(1, String.join(" ", "value", "1")));
    assertTrue(table.contains(1));
  }

  @Test
  void shrink_fewLeftOfMany_keepsThoseFew() {
    put(0, MANY);
    assertFalse(table.shrink());
    remove(100, MANY);
    assertTrue(table.shrink());
    assertEquals(100, keys().size());
    assertEquals("value 99", table.get(99));
    assertFalse(table.shrink(), "there is nothing more to let go of");
    put(100, MANY);
    assertEquals(MANY, table.size());
  }

  @Test
  void shrink_manyLeftOrNeverMany_doesNothing() {
    put(0, 100);
    assertFalse(table.shrink());
    remove(0, 100);
    assertFalse(table.shrink());
    put(0, MANY);
    assertFalse(table.shrink());
    remove(MANY / 2, MANY);
    assertFalse(table.shrink());
    assertEquals(MANY / 2, table.size());
  }

  @Test
  void next_goesRoundAllKeysAlsoAfterTheyMoved() {
    assertNull(table.next());
    put(0, MANY);
    Map.Entry<Integer, String> first = table.next();
    assertFalse(table.shrink());
    remove(100, MANY);
    assertTrue(table.shrink());
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      Map.Entry<Integer, String> next = table.next();
      assertTrue(next != null && seen.add(next.getKey()), "key=" + next);
    }
    assertEquals(keys(), seen);
    assertTrue(first != null && table.next() != null, "it begins again");
  }

  @Test
  void putAndRemove_whileKeysMove_loseNothingAndBringNothingBack() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    List<Background<Set<Integer>>> users = new ArrayList<>();
    for (int user = 1; user <= 2; user++) {
      int base = -100 * user;
      users.add(Background.platform(() -> useUntil(over, base)));
    }
    for (int round = 0; round < 200; round++) {
      put(0, 4_000);
      assertFalse(table.shrink());
      remove(0, 4_000);
      assertTrue(table.shrink(), "round=" + round);
    }
    over.set(true);
    Set<Integer> expected = new HashSet<>();
    for (Background<Set<Integer>> user : users) {
      expected.addAll(user.result());
    }
    assertEquals(expected, keys());
  }

  /** Puts and removes keys of its own, and says which are left. */
  private Set<Integer> useUntil(AtomicBoolean over, int base) {
    Set<Integer> mine = new HashSet<>();
    for (int turn = 0; !over.get(); turn++) {
      int key = base + Math.floorMod(turn * 31, 97);
      if (mine.add(key)) {
        put(key, key + 1);
      } else {
        assertEquals("value " + key, table.get(key));
        remove(key, key + 1);
        mine.remove(key);
      }
      assertEquals(mine.contains(key), table.contains(key));
    }
    return mine;
  }
}
