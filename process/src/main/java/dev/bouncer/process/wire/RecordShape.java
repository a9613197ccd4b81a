package dev.bouncer.process.wire;

import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.Serializable;
import java.lang.reflect.Constructor;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How the records of one class are taken apart and made again: by their accessors and their
 * canonical constructor, as Java serialization does it, too.
 *
 * <p>Only classes whose components are strings, primitives, boxed primitives or records of such
 * have a shape. Nothing in them can be shared with another value or lead back to them, so that they
 * may be written one by one. A record that cannot be {@link Serializable}, or replaces itself when
 * it is serialized, has none either, and goes the way of all other objects.
 */
final class RecordShape {
  private static final Set<Class<?>> SIMPLE =
      Set.of(
          String.class,
          Long.class,
          Integer.class,
          Double.class,
          Float.class,
          Short.class,
          Byte.class,
          Boolean.class,
          Character.class);

  private static final Set<String> REPLACING = Set.of("writeReplace", "readResolve");

  private static final ClassValue<Known> KNOWN =
      new ClassValue<>() {
        @Override
        protected Known computeValue(Class<?> type) {
          return new Known(shape(type));
        }
      };

  private record Known(@Nullable RecordShape shape) {}

  final Class<?> type;
  private final Method[] accessors;
  private final Constructor<?> constructor;

  private RecordShape(Class<?> type, Method[] accessors, Constructor<?> constructor) {
    this.type = type;
    this.accessors = accessors;
    this.constructor = constructor;
  }

  /** Finds the shape of a class; null if its values go another way. */
  static @Nullable RecordShape of(Class<?> type) {
    return type.isRecord() ? KNOWN.get(type).shape : null;
  }

  private static @Nullable RecordShape shape(Class<?> type) {
    if (!Serializable.class.isAssignableFrom(type)
        || Arrays.stream(type.getDeclaredMethods())
            .anyMatch(method -> REPLACING.contains(method.getName()))) {
      return null;
    }
    RecordComponent[] components = type.getRecordComponents();
    if (components.length == 0 // a list of a billion of them would fit into a frame
        || !Arrays.stream(components).allMatch(part -> isSimple(part.getType(), Set.of(type)))) {
      return null;
    }
    Class<?>[] types = new Class<?>[components.length];
    Method[] accessors = new Method[components.length];
    try {
      for (int i = 0; i < components.length; i++) {
        types[i] = components[i].getType();
        accessors[i] = components[i].getAccessor();
        accessors[i].setAccessible(true);
      }
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return new RecordShape(type, accessors, constructor);
    } catch (NoSuchMethodException | InaccessibleObjectException | SecurityException closed) {
      return null;
    }
  }

  /** Whether values of a type are simple; {@code around} are the records that they are parts of. */
  private static boolean isSimple(Class<?> type, Set<Class<?>> around) {
    if (!type.isRecord() || around.contains(type)) {
      return type.isPrimitive() || SIMPLE.contains(type);
    }
    Set<Class<?>> within = new HashSet<>(around);
    within.add(type);
    return Arrays.stream(type.getRecordComponents())
        .allMatch(part -> isSimple(part.getType(), within));
  }

  void write(WireOutput output, Object value, ValueWriter values) throws IOException {
    for (Method accessor : accessors) {
      try {
        values.write(output, accessor.invoke(value));
      } catch (InvocationTargetException thrown) {
        throw new InvalidObjectException("accessor of a record failed: " + accessor, thrown);
      } catch (IllegalAccessException impossible) {
        throw new InvalidObjectException("accessor of a record is closed", impossible);
      }
    }
  }

  Object read(WireInput input, ValueReader values) throws IOException, ClassNotFoundException {
    @Nullable Object[] components = new @Nullable Object[accessors.length];
    for (int i = 0; i < components.length; i++) {
      components[i] = values.read(input);
    }
    try {
      return constructor.newInstance(components);
    } catch (InvocationTargetException refused) {
      throw new InvalidObjectException(
          "record must accept its components: class=" + type.getName(), refused.getCause());
    } catch (ReflectiveOperationException | IllegalArgumentException mismatch) {
      throw new InvalidObjectException(
          "components must be those of the record: class=" + type.getName(), mismatch);
    }
  }

  /** The bytes that the components of one record take at least. */
  int leastBytes() {
    return accessors.length;
  }
}
