package dev.bouncer.process.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.process.Codec;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/** Codecs that do what they must not. */
@NullUnmarked
class CodecsTest {
  private static class Box {
    final int content;

    Box(int content) {
      this.content = content;
    }
  }

  private static final class LargerBox extends Box {
    LargerBox() {
      super(2);
    }
  }

  /** A codec as it should be; each test makes one thing worse. */
  private interface BoxCodec extends Codec<Box> {
    @Override
    default Class<Box> type() {
      return Box.class;
    }

    @Override
    default void write(Box box, DataOutputStream output) throws IOException {
      output.writeInt(box.content);
    }

    @Override
    default Box read(DataInputStream input) throws IOException {
      return new Box(input.readInt());
    }
  }

  private record Sound() implements BoxCodec {}

  private static final AtomicReference<DataOutputStream> KEPT = new AtomicReference<>();

  private static byte[] write(Codecs codecs, Object value) throws IOException {
    WireOutput output = new WireOutput(16);
    new ValueWriter(codecs).write(output, value);
    return output.toBytes();
  }

  private static Object read(Codecs codecs, byte[] bytes) throws Exception {
    WireInput input = new WireInput(bytes, 0, bytes.length);
    Object value = new ValueReader(null, null, new Slabs(), codecs).read(input);
    assertEquals(0, input.remaining());
    return value;
  }

  private static void assertFails(String how, Codec<Box> codec) {
    Codecs codecs = Codecs.of(List.of(codec));
    for (Object value : List.of(new Box(1), List.of(new Box(1)), new Object[] {new Box(1)})) {
      var failure = assertThrows(IOException.class, () -> read(codecs, write(codecs, value)));
      assertTrue(failure.getMessage().startsWith("codec must "), failure.getMessage());
      assertTrue(failure.getMessage().contains(how), failure.getMessage());
    }
  }

  @Test
  void value_withACodec_comesBack() throws Exception {
    Codecs codecs = Codecs.of(List.of(new Sound()));
    assertEquals(7, ((Box) read(codecs, write(codecs, new Box(7)))).content);
  }

  @Test
  void subclass_ofAClassWithACodec_isNotForIt() {
    Codecs codecs = Codecs.of(List.of(new Sound()));
    assertThrows(IOException.class, () -> write(codecs, new LargerBox()));
  }

  @Test
  void codec_thatReadsTooMuch_meetsTheEndOfItsOwnBytes() {
    record Greedy() implements BoxCodec {
      @Override
      public Box read(DataInputStream input) throws IOException {
        return new Box((int) input.readLong());
      }
    }

    assertFails("EOFException", new Greedy());
  }

  @Test
  void codec_thatReadsTooLittle_hasFailed() {
    record Modest() implements BoxCodec {
      @Override
      public Box read(DataInputStream input) throws IOException {
        return new Box(input.readShort());
      }
    }

    assertFails("left=2", new Modest());
  }

  @Test
  void codec_thatWritesNothing_hasNothingToRead() {
    record Silent() implements BoxCodec {
      @Override
      public void write(Box box, DataOutputStream output) {}
    }

    assertFails("EOFException", new Silent());
  }

  @Test
  void codec_thatReturnsNull_hasFailed() {
    record Empty() implements BoxCodec {
      @Override
      public Box read(DataInputStream input) throws IOException {
        input.readInt();
        return null;
      }
    }

    assertFails("returned null", new Empty());
  }

  @Test
  void codec_thatFailsWithAnError_hasFailedAndNothingElseHas() {
    record Asserting() implements BoxCodec {
      @Override
      public void write(Box box, DataOutputStream output) {
        throw new AssertionError("of the codec");
      }
    }

    record Unlinked() implements BoxCodec {
      @Override
      public Box read(DataInputStream input) {
        throw new NoClassDefFoundError("of the codec");
      }
    }

    assertFails("AssertionError", new Asserting());
    assertFails("NoClassDefFoundError", new Unlinked());
  }

  @Test
  void codec_thatReturnsAnotherClass_hasFailed() {
    @SuppressWarnings({"unchecked", "rawtypes"})
    record Liar() implements Codec {
      @Override
      public Class type() {
        return Box.class;
      }

      @Override
      public void write(Object value, DataOutputStream output) {}

      @Override
      public Object read(DataInputStream input) {
        return "no box";
      }
    }

    @SuppressWarnings("unchecked")
    Codec<Box> liar = new Liar();
    assertFails("returned a java.lang.String", liar);
  }

  @Test
  void codec_thatKeepsItsStream_cannotWriteIntoOtherFrames() throws Exception {
    record Keeping() implements BoxCodec {
      @Override
      public void write(Box box, DataOutputStream output) throws IOException {
        BoxCodec.super.write(box, output);
        KEPT.set(output);
      }
    }

    Codecs codecs = Codecs.of(List.of(new Keeping()));
    WireOutput output = new WireOutput(16);
    new ValueWriter(codecs).write(output, new Box(1));
    int size = output.size();
    assertThrows(IOException.class, () -> KEPT.get().writeInt(2));
    assertEquals(size, output.size());
  }

  @Test
  void value_thatIsTooLarge_isNotTheFaultOfItsCodec() {
    record Endless() implements BoxCodec {
      @Override
      public void write(Box box, DataOutputStream output) {
        throw new ValueTooLargeException(2, 1);
      }
    }

    Codecs codecs = Codecs.of(List.of(new Endless()));
    assertThrows(ValueTooLargeException.class, () -> write(codecs, new Box(1)));
  }

  @Test
  void bytes_thatNameNoCodecOrTooLongALength_areRefused() throws Exception {
    Codecs codecs = Codecs.of(List.of(new Sound()));
    byte[] good = write(codecs, new Box(1));
    for (int at = 1; at < good.length - Integer.BYTES; at++) {
      byte[] bad = good.clone();
      bad[at] = (byte) 0x7F;
      assertThrows(ProtocolException.class, () -> read(codecs, bad), "byte " + at);
      assertThrows(ProtocolException.class, () -> read(Codecs.NONE, good));
    }
  }

  @Test
  void filter_acceptsWhatACodecMade_butNotTheSameClassFromTheBytesOfAStream() throws Exception {
    record RunnableCodec() implements Codec<Runnable> {
      @Override
      public Class<Runnable> type() {
        return Runnable.class;
      }

      @Override
      public void write(Runnable value, DataOutputStream output) throws IOException {
        output.writeInt(5);
      }

      @Override
      public Runnable read(DataInputStream input) throws IOException {
        return new Gadget(input.readInt());
      }
    }

    Codecs codecs = Codecs.of(List.of(new RunnableCodec()));
    ResultFilter filter = new ResultFilter("some.where", List.of(), codecs);
    ValueReader strict = new ValueReader(null, filter, new Slabs(), codecs);
    Object[] array = {new Gadget(5), new Gadget(5)};
    byte[] coded = write(codecs, array);
    Object[] back = (Object[]) strict.read(new WireInput(coded, 0, coded.length));
    assertEquals(5, ((Gadget) back[1]).more);
    byte[] plain = write(Codecs.NONE, array);
    var refused =
        assertThrows(IOException.class, () -> strict.read(new WireInput(plain, 0, plain.length)));
    assertEquals(Gadget.class.getName(), filter.refused(), refused.toString());
  }

  private static final class Gadget implements Runnable, Serializable {
    private static final long serialVersionUID = 1;
    final int more;

    Gadget(int more) {
      this.more = more;
    }

    @Override
    public void run() {}
  }

  @Test
  void codecs_thatCannotWork_areRefused() {
    record Capturing(Object more) implements BoxCodec {}

    List<Codec<?>> twice = List.of(new Sound(), new Sound());
    assertThrows(IllegalArgumentException.class, () -> Codecs.of(twice));
    List<Codec<?>> inner = List.of(new Capturing(this));
    var failure = assertThrows(IllegalArgumentException.class, () -> Codecs.of(inner));
    assertTrue(failure.getMessage().contains("without parameters"), failure.getMessage());
    for (Class<?> type : List.of(String.class, Long.class, int.class, byte[].class, Object.class)) {
      List<Codec<?>> needless = new ArrayList<>();
      needless.add(new CodecOf<>(type));
      assertThrows(IllegalArgumentException.class, () -> Codecs.of(needless), type.getName());
    }
    assertInstanceOf(Codecs.class, Codecs.of(List.of(new Sound())));
  }

  private record CodecOf<T>(Class<T> type) implements Codec<T> {
    @Override
    public void write(T value, DataOutputStream output) {}

    @Override
    public T read(DataInputStream input) {
      throw new UnsupportedOperationException();
    }
  }
}
