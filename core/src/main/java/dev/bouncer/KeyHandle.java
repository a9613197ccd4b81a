package dev.bouncer;

import org.jspecify.annotations.Nullable;

/** The limiter of a key that had none when it was asked for. It remembers what it found last. */
final class KeyHandle<K> extends KeyLimiter<K> {
  private @Nullable KeyEntry<K> last;

  KeyHandle(KeyedLimiter<K> keyed, K key) {
    super(keyed, key);
  }

  @Override
  @Nullable KeyEntry<K> known() {
    return last;
  }

  @Override
  void found(KeyEntry<K> entry) {
    last = entry;
  }
}
