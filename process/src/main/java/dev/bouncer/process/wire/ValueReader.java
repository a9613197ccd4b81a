package dev.bouncer.process.wire;

import java.io.IOException;
import java.io.InvalidClassException;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@link ValueWriter} wrote.
 *
 * @param loader finds the classes of serialized values; null for the loader of the application
 * @param filter what serialized values may consist of; null for everything
 * @param slabs where large values may be
 * @param codecs read the values that have one
 */
public record ValueReader(
    @Nullable ClassLoader loader, @Nullable ResultFilter filter, Slabs slabs, Codecs codecs) {

  /**
   * Reads one value.
   *
   * @param input where from
   * @return the value
   * @throws IOException if the bytes are no value, or the filter refused it
   * @throws ClassNotFoundException if a class of the value is unknown here
   */
  public @Nullable Object read(WireInput input) throws IOException, ClassNotFoundException {
    byte tag = input.getByte();
    return switch (tag) {
      case ValueTag.NULL -> null;
      case ValueTag.FALSE -> false;
      case ValueTag.TRUE -> true;
      case ValueTag.BYTE -> input.getByte();
      case ValueTag.SHORT -> input.getShort();
      case ValueTag.CHAR -> (char) input.getShort();
      case ValueTag.INT -> input.getInt();
      case ValueTag.LONG -> input.getLong();
      case ValueTag.FLOAT -> Float.intBitsToFloat(input.getInt());
      case ValueTag.DOUBLE -> Double.longBitsToDouble(input.getLong());
      case ValueTag.STRING -> input.getString();
      case ValueTag.BYTES -> input.getBytes(input.getLength(1));
      case ValueTag.INTS -> {
        int[] array = new int[input.getLength(Integer.BYTES)];
        for (int i = 0; i < array.length; i++) {
          array[i] = input.getInt();
        }
        yield array;
      }
      case ValueTag.LONGS -> {
        long[] array = new long[input.getLength(Long.BYTES)];
        for (int i = 0; i < array.length; i++) {
          array[i] = input.getLong();
        }
        yield array;
      }
      case ValueTag.DOUBLES -> {
        double[] array = new double[input.getLength(Double.BYTES)];
        for (int i = 0; i < array.length; i++) {
          array[i] = Double.longBitsToDouble(input.getLong());
        }
        yield array;
      }
      case ValueTag.SERIALIZED -> {
        int length = input.getLength(1);
        if (filter != null) {
          filter.begin(length);
        }
        yield JdkSerialization.read(input.slice(length), loader, filter, codecs);
      }
      case ValueTag.CODED -> codecs.get(input.getInt()).read(input);
      case ValueTag.LIST -> TypedList.read(input, this);
      case ValueTag.RECORD -> recordShape(input.getString()).read(input, this);
      case ValueTag.IN_SLAB -> {
        Slab slab = slabs.read(input);
        yield slab.take(input.getInt(), this);
      }
      default -> throw new ProtocolException("tag of a value must be known: tag=" + tag);
    };
  }

  /** Finds the class of a record by the name that the other side gave. */
  RecordShape recordShape(String className) throws IOException, ClassNotFoundException {
    ClassLoader finder = loader == null ? ClassLoader.getSystemClassLoader() : loader;
    Class<?> type = Class.forName(className, false, finder);
    if (filter != null && !filter.accepts(type)) {
      throw new InvalidClassException(className, "filter status: REJECTED");
    }
    RecordShape shape = RecordShape.of(type);
    if (shape == null) {
      throw new ProtocolException("class must be a record of simple parts: class=" + className);
    }
    return shape;
  }
}
