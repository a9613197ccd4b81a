package dev.bouncer.process.wire;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The short encoding of lists whose elements are all longs, all integers, all doubles, all strings,
 * all of one class with a codec, or all records of one class with a {@link RecordShape}. Any other
 * list is serialized.
 *
 * <p>The lists are those that programs mostly have: {@link ArrayList}, and what {@link List#of} and
 * {@code Stream.toList} return. Each comes back as one of its own kind.
 *
 * <pre>
 *   byte kind of list, byte tag of the elements, [string class of the records | int codec], int count,
 *   elements
 * </pre>
 */
final class TypedList {
  private static final byte ARRAY_LIST = 0;
  private static final byte UNMODIFIABLE = 1;
  private static final Class<?> SHORT_UNMODIFIABLE = List.of(1).getClass();
  private static final Class<?> LONG_UNMODIFIABLE = List.of(1, 2, 3).getClass();

  private TypedList() {}

  /** Writes a list with its tag; false, with nothing written, if it has no short encoding. */
  @SuppressWarnings("IfChainToSwitch") // see ValueWriter
  static boolean write(WireOutput output, List<?> list, ValueWriter values) throws IOException {
    Class<?> kind = list.getClass();
    boolean growable = kind == ArrayList.class;
    if (!growable && kind != SHORT_UNMODIFIABLE && kind != LONG_UNMODIFIABLE) {
      return false;
    }
    Object[] elements = list.toArray(); // one look: it may be changed meanwhile by its owner
    byte tag = elements.length == 0 ? ValueTag.NULL : tagOf(elements, values);
    if (tag == ValueTag.NULL) {
      return false;
    }
    output.putByte(ValueTag.LIST);
    output.putByte(growable ? ARRAY_LIST : UNMODIFIABLE);
    output.putByte(tag);
    RecordShape shape = null;
    Codecs.Coded<?> coded = null;
    if (tag == ValueTag.CODED) {
      coded = Objects.requireNonNull(values.codecs().find(elements[0].getClass()));
      output.putInt(coded.number());
    } else if (tag == ValueTag.RECORD) {
      shape = Objects.requireNonNull(RecordShape.of(elements[0].getClass()));
      output.putString(shape.type.getName());
    }
    output.putInt(elements.length);
    for (Object element : elements) {
      if (element instanceof Long number) {
        output.putLong(number);
      } else if (element instanceof Integer number) {
        output.putInt(number);
      } else if (element instanceof Double number) {
        output.putLong(Double.doubleToRawLongBits(number));
      } else if (element instanceof String string) {
        output.putString(string);
      } else if (coded != null) {
        coded.write(output, element);
      } else {
        Objects.requireNonNull(shape).write(output, element, values);
      }
    }
    return true;
  }

  /** The tag that all elements share; NULL if they share none that has a short encoding. */
  private static byte tagOf(@Nullable Object[] elements, ValueWriter values) {
    Object first = elements[0];
    if (first == null) {
      return ValueTag.NULL;
    }
    Class<?> type = first.getClass();
    for (Object element : elements) {
      if (element == null
          || element.getClass() != type
          || (element instanceof String string && ValueWriter.hasUnpairedSurrogate(string))) {
        return ValueTag.NULL;
      }
    }
    if (type == Long.class) {
      return ValueTag.LONG;
    }
    if (type == Integer.class) {
      return ValueTag.INT;
    }
    if (type == Double.class) {
      return ValueTag.DOUBLE;
    }
    if (type == String.class) {
      return ValueTag.STRING;
    }
    if (values.codecs().find(type) != null) {
      return ValueTag.CODED;
    }
    return RecordShape.of(type) == null ? ValueTag.NULL : ValueTag.RECORD;
  }

  /** Reads what follows the tag of a list. */
  static List<?> read(WireInput input, ValueReader values)
      throws IOException, ClassNotFoundException {
    byte kind = input.getByte();
    if (kind != ARRAY_LIST && kind != UNMODIFIABLE) {
      throw new ProtocolException("kind of a list must be known: kind=" + kind);
    }
    List<Object> list = elements(input, values);
    return kind == ARRAY_LIST ? list : List.copyOf(list);
  }

  private static List<Object> elements(WireInput input, ValueReader values)
      throws IOException, ClassNotFoundException {
    byte tag = input.getByte();
    return switch (tag) {
      case ValueTag.LONG -> {
        int count = input.getLength(Long.BYTES);
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(input.getLong());
        }
        yield list;
      }
      case ValueTag.INT -> {
        int count = input.getLength(Integer.BYTES);
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(input.getInt());
        }
        yield list;
      }
      case ValueTag.DOUBLE -> {
        int count = input.getLength(Double.BYTES);
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(Double.longBitsToDouble(input.getLong()));
        }
        yield list;
      }
      case ValueTag.STRING -> {
        int count = input.getLength(Integer.BYTES);
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(input.getString());
        }
        yield list;
      }
      case ValueTag.RECORD -> {
        RecordShape shape = values.recordShape(input.getString());
        int count = input.getLength(shape.leastBytes());
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(shape.read(input, values));
        }
        yield list;
      }
      case ValueTag.CODED -> {
        Codecs.Coded<?> coded = values.codecs().get(input.getInt());
        int count = input.getLength(Integer.BYTES);
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(coded.read(input));
        }
        yield list;
      }
      default ->
          throw new ProtocolException("tag of the elements of a list must be known: tag=" + tag);
    };
  }
}
