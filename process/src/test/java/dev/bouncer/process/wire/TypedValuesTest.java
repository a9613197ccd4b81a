package dev.bouncer.process.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.NotSerializableException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.LongStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/** Lists and records: which are written short, and that all come back as what they were. */
@NullUnmarked
class TypedValuesTest {
  private static final ValueReader READER = new ValueReader(null, null, new Slabs(), Codecs.NONE);

  record Point(int x, double y) implements Serializable {}

  record Line(Point from, Point to, String name, Boolean dashed) implements Serializable {}

  record Positive(int n) implements Serializable {
    Positive {
      if (n <= 0 && !lenient) {
        throw new IllegalArgumentException("n must be above zero: n=" + n);
      }
    }

    static boolean lenient;
  }

  record Open(String name) {}

  record Replaced(String name) implements Serializable {
    private Object writeReplace() {
      return "replaced " + name;
    }
  }

  record Holder(List<String> names) implements Serializable {}

  record Node(String name, Node next) implements Serializable {}

  record Empty() implements Serializable {}

  private static byte[] write(Object value) throws IOException {
    WireOutput output = new WireOutput(16);
    ValueWriter.PLAIN.write(output, value);
    return output.toBytes();
  }

  private static Object read(byte[] bytes) throws IOException, ClassNotFoundException {
    return READER.read(new WireInput(bytes, 0, bytes.length));
  }

  private static void assertShort(byte tag, Object value) throws Exception {
    byte[] bytes = write(value);
    assertEquals(tag, bytes[0], value.toString());
    Object copy = read(bytes);
    assertEquals(value, copy);
    assertEquals(value.getClass(), copy.getClass());
  }

  private static void assertSerialized(Object value) throws Exception {
    byte[] bytes = write(value);
    assertEquals(ValueTag.SERIALIZED, bytes[0], value.toString());
    Object copy = read(bytes);
    assertEquals(value, copy);
    assertEquals(value.getClass(), copy.getClass());
  }

  @Test
  void lists_ofOneSimpleKind_areShortAndKeepTheirOwn() throws Exception {
    assertShort(ValueTag.LIST, new ArrayList<>(List.of(1L, Long.MIN_VALUE)));
    assertShort(ValueTag.LIST, List.of(1));
    assertShort(ValueTag.LIST, List.of(1, 2, 3));
    assertShort(ValueTag.LIST, List.of(-0.0, Double.NaN));
    assertShort(ValueTag.LIST, List.of("", "grüße \uD83D\uDE00"));
    assertShort(ValueTag.LIST, List.of(new Point(1, 2), new Point(3, 4)));
    assertEquals(
        1 + 1 + 1 + 4 + 8 * 1000, write(LongStream.range(0, 1000).boxed().toList()).length);
    ArrayList<?> growable =
        assertInstanceOf(ArrayList.class, read(write(new ArrayList<>(List.of(1)))));
    growable.add(null);
    assertThrows(
        UnsupportedOperationException.class, () -> ((List<?>) read(write(List.of(1)))).clear());
  }

  @Test
  void lists_ofAnyOtherKind_areSerialized() throws Exception {
    assertSerialized(List.of());
    assertSerialized(List.of(1, "two", 3L));
    assertSerialized(new ArrayList<>(Arrays.asList(1, null)));
    assertSerialized(new CopyOnWriteArrayList<>(List.of(1)));
    assertSerialized(Arrays.asList(1, 2));
    assertSerialized(List.of("broken \uD83D surrogate"));
    assertSerialized(List.of(List.of(1)));
    assertSerialized(
        new ArrayList<>(List.of(1, 2, 3)).subList(0, 2).stream().map(n -> 'c').toList());
  }

  @Test
  void records_ofSimpleParts_areShort() throws Exception {
    assertShort(ValueTag.RECORD, new Point(-1, 0.5));
    assertShort(ValueTag.RECORD, new Line(new Point(1, 2), null, "a", true));
    assertShort(ValueTag.LIST, List.of(new Line(null, new Point(0, 0), null, null)));
  }

  @Test
  void records_thatCanHoldMore_areSerialized() throws Exception {
    assertSerialized(new Empty());
    assertSerialized(List.of(new Empty(), new Empty()));
    assertSerialized(new Holder(new ArrayList<>(List.of("a"))));
    assertSerialized(new Node("a", new Node("b", null)));
    assertEquals("replaced x", read(write(new Replaced("x"))));
    assertThrows(NotSerializableException.class, () -> write(new Open("x")));
    assertNull(RecordShape.of(String.class));
    assertNotNull(RecordShape.of(Line.class));
  }

  @Test
  void record_whoseConstructorRefuses_isAnError() throws Exception {
    Positive.lenient = true;
    byte[] bytes = write(new Positive(-1));
    Positive.lenient = false;
    InvalidObjectException refused = assertThrows(InvalidObjectException.class, () -> read(bytes));
    assertEquals("n must be above zero: n=-1", refused.getCause().getMessage());
  }

  @Test
  void bytes_thatAreBroken_areRefusedAndTakeNoMemory() throws Exception {
    byte[] hugeCount = write(List.of(1L, 2L, 3L));
    hugeCount[3] = Byte.MAX_VALUE;
    assertThrows(ProtocolException.class, () -> read(hugeCount));
    byte[] odd = write(List.of(1L));
    odd[1] = 9;
    assertThrows(ProtocolException.class, () -> read(odd));
    odd[1] = 0;
    odd[2] = ValueTag.SERIALIZED;
    assertThrows(ProtocolException.class, () -> read(odd));

    WireOutput notARecord = new WireOutput(64);
    notARecord.putByte(ValueTag.RECORD);
    notARecord.putString("java.lang.Thread");
    assertThrows(ProtocolException.class, () -> read(notARecord.toBytes()));

    WireOutput wrongParts = new WireOutput(64);
    wrongParts.putByte(ValueTag.RECORD);
    wrongParts.putString(Point.class.getName());
    ValueWriter.PLAIN.write(wrongParts, "x");
    ValueWriter.PLAIN.write(wrongParts, 1.0);
    assertThrows(InvalidObjectException.class, () -> read(wrongParts.toBytes()));
  }

  @Test
  void bytes_thatAreRandom_neverDoMoreThanThrow() throws Exception {
    Random random = new Random(7);
    byte[][] seeds = {
      write(List.of(1L, 2L)),
      write(List.of("a", "b")),
      write(new Point(1, 2)),
      write(List.of(new Point(1, 2))),
      write(new byte[10])
    };
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = seeds[random.nextInt(seeds.length)].clone();
      for (int flips = random.nextInt(3); flips >= 0; flips--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      if (bytes[0] == ValueTag.SERIALIZED) {
        continue; // that is the filter's to judge
      }
      try {
        var _ = read(bytes);
      } catch (IOException | ClassNotFoundException | LinkageError expected) {
        // Nothing worse than these.
      }
    }
  }

  @Test
  void resultFilter_refusesWhatItDoesNotAccept() throws Exception {
    ResultFilter filter = new ResultFilter("some.where", List.of(), Codecs.NONE);
    ValueReader strict = new ValueReader(null, filter, new Slabs(), Codecs.NONE);
    byte[] point = write(new Point(1, 2));
    assertEquals(new Point(1, 2), strict.read(new WireInput(point, 0, point.length)));
    WireOutput thread = new WireOutput(64);
    thread.putByte(ValueTag.RECORD);
    thread.putString("java.lang.Thread");
    byte[] bytes = thread.toBytes();
    assertThrows(IOException.class, () -> strict.read(new WireInput(bytes, 0, bytes.length)));
    assertEquals("java.lang.Thread", filter.refused());
    assertArrayEquals(point, write(new Point(1, 2)));
  }
}
