package dev.bouncer.process.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullUnmarked
class SlabTest {
  private static final SlabSlot SLOT = SlabSlot.SMALL_RESULT;

  @TempDir Path folder;
  private Path file;
  private Slab sender;
  private Slab receiver;
  private ValueReader values;

  @BeforeEach
  void map() throws IOException {
    file = Files.write(folder.resolve("slab"), new byte[Slab.fileBytes(SLOT)]);
    sender = Slab.map(file, SLOT);
    receiver = Slab.map(file, SLOT);
    values = new ValueReader(null, null, new Slabs(), Codecs.NONE);
  }

  @AfterEach
  void unmap() {
    sender.close();
    receiver.close();
  }

  private static byte[] encode(Object value) throws IOException {
    WireOutput output = new WireOutput(16);
    ValueWriter.PLAIN.write(output, value);
    return output.toBytes();
  }

  @Test
  void take_ofWhatWasOffered_returnsItAndSetsTheSlabFree() throws Exception {
    byte[] array = new byte[100_000];
    array[99_999] = 7;
    assertTrue(sender.offerBytes(1, array));
    assertArrayEquals(array, (byte[]) receiver.take(100_005, values));
    byte[] text = encode("text");
    assertTrue(sender.offer(1, text, 0, text.length));
    assertEquals("text", receiver.take(text.length, values));
    byte[] encoded = encode(array);
    assertTrue(sender.offer(1, encoded, 0, encoded.length));
    assertArrayEquals(array, (byte[]) receiver.take(encoded.length, values));
  }

  @Test
  void offer_toASlabThatHoldsAValueOrIsTooSmall_isRefused() throws Exception {
    assertFalse(sender.offerBytes(1, new byte[SLOT.payloadBytes()]));
    assertTrue(sender.offerBytes(1, new byte[1]));
    assertFalse(sender.offerBytes(1, new byte[1]));
    assertFalse(sender.offer(1, new byte[1], 0, 1));
    receiver.free(2);
    assertFalse(sender.offer(1, new byte[1], 0, 1));
    receiver.free(1);
    assertTrue(sender.offer(1, new byte[1], 0, 1));
  }

  @Test
  void take_ofWhatIsNotThere_isAProtocolError() {
    assertThrows(ProtocolException.class, () -> receiver.take(5, values));
    assertTrue(sender.offerBytes(1, new byte[10]));
    for (int length : new int[] {Integer.MIN_VALUE, -1, 0, 14, 16, SLOT.payloadBytes() + 1}) {
      assertThrows(ProtocolException.class, () -> receiver.take(length, values), "" + length);
    }
  }

  @Test
  void map_ofAFileThatIsTooShort_isRefused() throws Exception {
    Path shorter = Files.write(folder.resolve("short"), new byte[100]);
    assertThrows(IOException.class, () -> Slab.map(shorter, SLOT));
    assertThrows(IOException.class, () -> Ledger.map(shorter));
  }

  @Test
  void slot_ofASize_isTheSmallestThatFits() {
    assertNull(SlabSlot.forInput(SlabSlot.SMALLEST_PAYLOAD - 1));
    assertEquals(SlabSlot.SMALL_INPUT, SlabSlot.forInput(SlabSlot.SMALLEST_PAYLOAD));
    assertEquals(SlabSlot.SMALL_RESULT, SlabSlot.forResult((1 << 20) + 5));
    assertEquals(SlabSlot.MEDIUM_RESULT, SlabSlot.forResult(2 << 20));
    assertEquals(SlabSlot.LARGE_INPUT, SlabSlot.forInput(16 << 20));
    assertNull(SlabSlot.forInput(17 << 20));
    assertNull(SlabSlot.forResult(Integer.MIN_VALUE));
  }

  @Test
  void slot_thatDoesNotExist_isAProtocolError() {
    for (byte number : new byte[] {-1, 6, Byte.MAX_VALUE}) {
      WireInput input = new WireInput(new byte[] {number}, 0, 1);
      assertThrows(ProtocolException.class, () -> SlabSlot.read(input));
    }
    WireInput unshared = new WireInput(new byte[] {ValueTag.IN_SLAB, 0, 0, 0, 0, 9}, 0, 6);
    assertThrows(ProtocolException.class, () -> values.read(unshared));
  }
}
