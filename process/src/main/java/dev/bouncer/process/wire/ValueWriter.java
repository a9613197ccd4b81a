package dev.bouncer.process.wire;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Writes values: a tag, then what the tag needs. Strings, boxed primitives and arrays of primitives
 * have short encodings of their own; everything else goes through Java serialization.
 */
public final class ValueWriter {
  private ValueWriter() {}

  /**
   * Returns whether a value can never change, so that it may be written later as well as now.
   *
   * @param value any value
   * @return whether it is null, a string or a boxed primitive
   */
  public static boolean isImmutable(@Nullable Object value) {
    return switch (value) {
      case null -> true;
      case String _, Long _, Integer _, Double _, Boolean _ -> true;
      case Float _, Short _, Byte _, Character _ -> true;
      default -> false;
    };
  }

  /**
   * Writes a value.
   *
   * @param output where to
   * @param value what
   * @throws IOException if it cannot be serialized
   * @throws ValueTooLargeException if it is larger than a frame may be
   */
  public static void write(WireOutput output, @Nullable Object value) throws IOException {
    switch (value) {
      case null -> output.putByte(ValueTag.NULL);
      case Long number -> {
        output.putByte(ValueTag.LONG);
        output.putLong(number);
      }
      case Integer number -> {
        output.putByte(ValueTag.INT);
        output.putInt(number);
      }
      case String string -> {
        if (hasUnpairedSurrogate(string)) { // UTF-8 has no form for it, Java serialization does
          serialize(output, string);
        } else {
          output.putByte(ValueTag.STRING);
          output.putString(string);
        }
      }
      case Double number -> {
        output.putByte(ValueTag.DOUBLE);
        output.putLong(Double.doubleToRawLongBits(number));
      }
      case Boolean truth -> output.putByte(truth ? ValueTag.TRUE : ValueTag.FALSE);
      case Float number -> {
        output.putByte(ValueTag.FLOAT);
        output.putInt(Float.floatToRawIntBits(number));
      }
      case Short number -> {
        output.putByte(ValueTag.SHORT);
        output.putShort(number);
      }
      case Byte number -> {
        output.putByte(ValueTag.BYTE);
        output.putByte(number);
      }
      case Character character -> {
        output.putByte(ValueTag.CHAR);
        output.putShort(character);
      }
      case byte[] array -> {
        output.putByte(ValueTag.BYTES);
        output.putInt(array.length);
        output.write(array, 0, array.length);
      }
      case int[] array -> {
        output.putByte(ValueTag.INTS);
        output.putInt(array.length);
        for (int element : array) {
          output.putInt(element);
        }
      }
      case long[] array -> {
        output.putByte(ValueTag.LONGS);
        output.putInt(array.length);
        for (long element : array) {
          output.putLong(element);
        }
      }
      case double[] array -> {
        output.putByte(ValueTag.DOUBLES);
        output.putInt(array.length);
        for (double element : array) {
          output.putLong(Double.doubleToRawLongBits(element));
        }
      }
      default -> serialize(output, value);
    }
  }

  private static void serialize(WireOutput output, Object value) throws IOException {
    output.putByte(ValueTag.SERIALIZED);
    int lengthAt = output.size();
    output.putInt(0);
    JdkSerialization.write(output, value);
    output.setInt(lengthAt, output.size() - lengthAt - Integer.BYTES);
  }

  private static boolean hasUnpairedSurrogate(String string) {
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
