package dev.bouncer.process.wire;

import org.jspecify.annotations.Nullable;

/** The slabs that a worker and its pool may share: three sizes for each direction. */
public enum SlabSlot {
  /** Inputs of up to 1 MiB. */
  SMALL_INPUT(0, 1 << 20),
  /** Inputs of up to 4 MiB. */
  MEDIUM_INPUT(1, 4 << 20),
  /** Inputs of up to 16 MiB. */
  LARGE_INPUT(2, 16 << 20),
  /** Results of up to 1 MiB. */
  SMALL_RESULT(3, 1 << 20),
  /** Results of up to 4 MiB. */
  MEDIUM_RESULT(4, 4 << 20),
  /** Results of up to 16 MiB. */
  LARGE_RESULT(5, 16 << 20);

  /** Smaller payloads go through the pipe, which takes them at once. */
  public static final int SMALLEST_PAYLOAD = 64 << 10;

  /** A value's tag and length come on top of a round number of bytes. */
  private static final int ALLOWANCE = 64;

  /** How many slots there are. */
  public static final int COUNT = 6;

  private static final SlabSlot[] INPUTS = {SMALL_INPUT, MEDIUM_INPUT, LARGE_INPUT};
  private static final SlabSlot[] RESULTS = {SMALL_RESULT, MEDIUM_RESULT, LARGE_RESULT};

  private final int number;
  private final int payloadBytes;

  SlabSlot(int number, int roundBytes) {
    this.number = number;
    this.payloadBytes = roundBytes + ALLOWANCE;
  }

  /**
   * Returns how the slot is named in frames.
   *
   * @return its number, from 0
   */
  public int number() {
    return number;
  }

  /**
   * Returns the longest payload that fits.
   *
   * @return the size in bytes
   */
  public int payloadBytes() {
    return payloadBytes;
  }

  /**
   * Finds the slab for an input.
   *
   * @param bytes its size when it is encoded
   * @return the slot; null if the pipe is the better way
   */
  public static @Nullable SlabSlot forInput(int bytes) {
    return find(bytes, INPUTS);
  }

  /**
   * Finds the slab for a result.
   *
   * @param bytes its size when it is encoded
   * @return the slot; null if the pipe is the better way
   */
  public static @Nullable SlabSlot forResult(int bytes) {
    return find(bytes, RESULTS);
  }

  private static @Nullable SlabSlot find(int bytes, SlabSlot[] slots) {
    if (bytes >= SMALLEST_PAYLOAD) {
      for (SlabSlot slot : slots) {
        if (bytes <= slot.payloadBytes) {
          return slot;
        }
      }
    }
    return null;
  }

  /**
   * Reads a slot.
   *
   * @param input where from
   * @return the slot
   * @throws ProtocolException if there is no such slot
   */
  public static SlabSlot read(WireInput input) throws ProtocolException {
    byte number = input.getByte();
    for (SlabSlot slot : values()) {
      if (slot.number == number) {
        return slot;
      }
    }
    throw new ProtocolException("slot of a slab must be known: slot=" + number);
  }
}
