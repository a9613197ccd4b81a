package dev.bouncer.process.wire;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes values: a tag, then what the tag needs. Strings, boxed primitives, arrays of primitives,
 * and records and lists of such have short encodings of their own; classes may have a {@link
 * dev.bouncer.process.Codec}; everything else goes through Java serialization.
 *
 * <p>Chains of {@code instanceof}, not pattern switches: the first of those costs a JVM tens of
 * milliseconds, and this is on the way to the first result of every worker.
 *
 * @param codecs write the values that have one
 */
public record ValueWriter(Codecs codecs) {
  /** Writes without codecs. */
  public static final ValueWriter PLAIN = new ValueWriter(Codecs.NONE);

  /**
   * Returns whether a value can never change, so that it may be written later as well as now.
   *
   * @param value any value
   * @return whether it is null, a string or a boxed primitive
   */
  public static boolean isImmutable(@Nullable Object value) {
    return value == null
        || value instanceof Long
        || value instanceof Integer
        || value instanceof String
        || value instanceof Double
        || value instanceof Boolean
        || value instanceof Float
        || value instanceof Short
        || value instanceof Byte
        || value instanceof Character;
  }

  /**
   * Writes a value.
   *
   * @param output where to
   * @param value what
   * @throws IOException if it cannot be serialized
   * @throws ValueTooLargeException if it is larger than a frame may be
   */
  @SuppressWarnings("IfChainToSwitch") // see above
  public void write(WireOutput output, @Nullable Object value) throws IOException {
    if (value == null) {
      output.putByte(ValueTag.NULL);
    } else if (value instanceof Long number) {
      output.putByte(ValueTag.LONG);
      output.putLong(number);
    } else if (value instanceof Integer number) {
      output.putByte(ValueTag.INT);
      output.putInt(number);
    } else if (value instanceof String string) {
      if (hasUnpairedSurrogate(string)) { // UTF-8 has no form for it, Java serialization does
        serialize(output, string);
      } else {
        output.putByte(ValueTag.STRING);
        output.putString(string);
      }
    } else if (value instanceof Double number) {
      output.putByte(ValueTag.DOUBLE);
      output.putLong(Double.doubleToRawLongBits(number));
    } else if (value instanceof Boolean truth) {
      output.putByte(truth ? ValueTag.TRUE : ValueTag.FALSE);
    } else if (value instanceof Float number) {
      output.putByte(ValueTag.FLOAT);
      output.putInt(Float.floatToRawIntBits(number));
    } else if (value instanceof Short number) {
      output.putByte(ValueTag.SHORT);
      output.putShort(number);
    } else if (value instanceof Byte number) {
      output.putByte(ValueTag.BYTE);
      output.putByte(number);
    } else if (value instanceof Character character) {
      output.putByte(ValueTag.CHAR);
      output.putShort(character);
    } else if (value instanceof byte[] array) {
      output.putByte(ValueTag.BYTES);
      output.putInt(array.length);
      output.write(array, 0, array.length);
    } else if (value instanceof int[] array) {
      output.putByte(ValueTag.INTS);
      output.putInt(array.length);
      for (int element : array) {
        output.putInt(element);
      }
    } else if (value instanceof long[] array) {
      output.putByte(ValueTag.LONGS);
      output.putInt(array.length);
      for (long element : array) {
        output.putLong(element);
      }
    } else if (value instanceof double[] array) {
      output.putByte(ValueTag.DOUBLES);
      output.putInt(array.length);
      for (double element : array) {
        output.putLong(Double.doubleToRawLongBits(element));
      }
    } else if (!writeTyped(output, value)) {
      serialize(output, value);
    }
  }

  /**
   * Writes a list or record that has a short encoding, or a value that has a codec; false, with
   * nothing written, if it is neither.
   */
  private boolean writeTyped(WireOutput output, Object value) throws IOException {
    Codecs.Coded<?> coded = codecs.find(value.getClass());
    if (coded != null) {
      output.putByte(ValueTag.CODED);
      output.putInt(coded.number());
      coded.write(output, value);
      return true;
    }
    if (value instanceof List<?> list) {
      return TypedList.write(output, list, this);
    }
    RecordShape shape = RecordShape.of(value.getClass());
    if (shape == null) {
      return false;
    }
    output.putByte(ValueTag.RECORD);
    output.putString(shape.type.getName());
    shape.write(output, value, this);
    return true;
  }

  /**
   * Returns how many bytes an array takes when it is written.
   *
   * @param array the array
   * @return the number of bytes
   */
  public static long sizeOf(byte[] array) {
    return 1L + Integer.BYTES + array.length;
  }

  private void serialize(WireOutput output, Object value) throws IOException {
    output.putByte(ValueTag.SERIALIZED);
    int lengthAt = output.size();
    output.putInt(0);
    JdkSerialization.write(output, value, codecs);
    output.setInt(lengthAt, output.size() - lengthAt - Integer.BYTES);
  }

  static boolean hasUnpairedSurrogate(String string) {
    int length = string.length();
    for (int i = 0; i < length; i++) {
      char unit = string.charAt(i);
      if (Character.isSurrogate(unit)) {
        if (Character.isLowSurrogate(unit)
            || i + 1 == length
            || !Character.isLowSurrogate(string.charAt(i + 1))) {
          return true;
        }
        i++;
      }
    }
    return false;
  }
}
