package dev.bouncer;

import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.StampedLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What keys have at present, for all threads. Its memory follows the number of keys down as well as
 * up: the table of a {@link ConcurrentHashMap} never shrinks, so when few of many keys are left,
 * {@link #shrink} moves them to a new map.
 *
 * <p>A lookup reads the map of the moment and no lock. Whoever changes the map holds the lock
 * shared, and the move holds it alone, so nothing is lost on the way. A lookup that still reads the
 * map that was left behind may miss a value that came since, or find one that was removed since:
 * whoever misses one asks {@link #putIfAbsent}, and a value must know by itself that it is gone.
 */
final class KeyTable<K, V> {
  /** Smaller tables are not worth the move. */
  private static final int LEAST_MOST = 1_024;

  private static final int MOST_TO_ONE_LEFT = 8;

  private final StampedLock moving = new StampedLock();
  private volatile ConcurrentHashMap<K, V> map = new ConcurrentHashMap<>();

  // Guarded by this.
  private @Nullable Iterator<Map.Entry<K, V>> round;
  private int most;

  @Nullable V get(K key) {
    return map.get(key);
  }

  boolean contains(K key) {
    return map.containsKey(key);
  }

  int size() {
    return map.size();
  }

  /** Puts the value in if the key has none; else returns the one it has. */
  @Nullable V putIfAbsent(K key, V value) {
    long stamp = moving.readLock();
    try {
      return map.putIfAbsent(key, value);
    } finally {
      moving.unlockRead(stamp);
    }
  }

  /** Removes the key if it has this very value, not one that equals it; returns whether it did. */
  boolean remove(K key, V value) {
    AtomicBoolean removed = new AtomicBoolean();
    long stamp = moving.readLock();
    try {
      map.computeIfPresent(
          key,
          (_, present) -> {
            removed.set(present == value);
            return removed.get() ? null : present;
          });
      return removed.get();
    } finally {
      moving.unlockRead(stamp);
    }
  }

  /** Shows all keys with their values, those that come and go meanwhile perhaps. */
  void forEach(BiConsumer<? super K, ? super V> action) {
    map.forEach(action);
  }

  /** The next one on an endless way round all keys; null if there are none. */
  synchronized Map.@Nullable Entry<K, V> next() {
    if (round == null || !round.hasNext()) {
      round = map.entrySet().iterator();
    }
    return round.hasNext() ? round.next() : null;
  }

  /**
   * Lets go of the memory of keys that were removed, if those were most of the keys that earlier
   * calls saw.
   *
   * @return whether they were
   */
  synchronized boolean shrink() {
    int left = size();
    if (most < LEAST_MOST || left > most / MOST_TO_ONE_LEFT) {
      most = Math.max(most, left);
      return false;
    }
    long stamp = moving.writeLock();
    try {
      map = new ConcurrentHashMap<>(map);
    } finally {
      moving.unlockWrite(stamp);
    }
    most = left;
    round = null;
    return true;
  }
}
