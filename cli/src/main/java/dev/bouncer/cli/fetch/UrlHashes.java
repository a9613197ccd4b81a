package dev.bouncer.cli.fetch;

import java.util.Arrays;

/**
 * A set of URLs of which only the hashes are kept: about twenty bytes for each, so that a list may
 * have millions. Two URLs with the same hash would also have the same file. Not thread-safe.
 */
final class UrlHashes {
  private static final int FIRST_SLOTS = 1024;

  /** Each hash is where its last bits say or in the next free slot behind that; 0 is free. */
  private long[] slots = new long[FIRST_SLOTS];

  private boolean hasZero;
  private int taken;

  /** Adds a URL; returns whether it was new. */
  boolean add(Url url) {
    return add(url.hash());
  }

  boolean contains(Url url) {
    long hash = url.hash();
    return hash == 0 ? hasZero : slots[slotOf(slots, hash)] == hash;
  }

  boolean add(long hash) {
    if (hash == 0) {
      boolean isNew = !hasZero;
      hasZero = true;
      return isNew;
    }
    int slot = slotOf(slots, hash);
    if (slots[slot] == hash) {
      return false;
    }
    slots[slot] = hash;
    taken++;
    if (taken > slots.length / 3 * 2) {
      grow();
    }
    return true;
  }

  private void grow() {
    long[] larger = new long[Math.multiplyExact(slots.length, 2)];
    Arrays.stream(slots)
        .filter(hash -> hash != 0)
        .forEach(hash -> larger[slotOf(larger, hash)] = hash);
    slots = larger;
  }

  /** Returns where the hash is, or where it belongs. */
  private static int slotOf(long[] slots, long hash) {
    int mask = slots.length - 1;
    int slot = (int) hash & mask;
    while (slots[slot] != 0 && slots[slot] != hash) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
