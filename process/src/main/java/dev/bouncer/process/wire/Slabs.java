package dev.bouncer.process.wire;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/** The slabs that one side of a pipe may use at the moment. Thread-safe. */
public final class Slabs {
  private final AtomicReferenceArray<@Nullable Slab> slabs =
      new AtomicReferenceArray<>(SlabSlot.COUNT);

  /** Makes an empty set. */
  public Slabs() {}

  /**
   * Returns the slab of a slot.
   *
   * @param slot which
   * @return it; null if there is none
   */
  public @Nullable Slab get(SlabSlot slot) {
    return slabs.get(slot.number());
  }

  /**
   * From now on the slab may be used.
   *
   * @param slot which
   * @param slab it
   */
  public void put(SlabSlot slot, Slab slab) {
    slabs.set(slot.number(), slab);
  }

  /**
   * Writes where a value is that was put into a slab, in place of the value itself.
   *
   * @param output where to
   * @param slot which slab
   * @param length the length of the value
   */
  public static void writePlace(WireOutput output, SlabSlot slot, int length) {
    output.putByte(ValueTag.IN_SLAB);
    output.putByte(slot.number());
    output.putInt(length);
  }

  Slab read(WireInput input) throws ProtocolException {
    SlabSlot slot = SlabSlot.read(input);
    Slab slab = get(slot);
    if (slab == null) {
      throw new ProtocolException("slab must be shared before it is used: slot=" + slot);
    }
    return slab;
  }
}
