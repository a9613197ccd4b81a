package dev.bouncer.process.wire;

import dev.bouncer.process.Codec;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InvalidObjectException;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The codecs of a pool, each with the number by which both sides know it. Thread-safe.
 *
 * <p>Whatever a codec does, the frame around it stays whole: it writes through a stream that is
 * closed behind it, and reads from one that ends where its bytes do.
 *
 * <pre>
 *   int length, the bytes
 * </pre>
 */
public final class Codecs {
  /** No codec at all. */
  public static final Codecs NONE = new Codecs(List.of());

  private static final Set<Class<?>> BOXES =
      Set.of(
          Boolean.class,
          Byte.class,
          Short.class,
          Character.class,
          Integer.class,
          Long.class,
          Float.class,
          Double.class,
          Void.class);

  private final List<Coded<?>> all;

  private final ClassValue<Known> byClass =
      new ClassValue<>() {
        @Override
        protected Known computeValue(Class<?> type) {
          return new Known(
              all.stream().filter(coded -> coded.handles(type)).findFirst().orElse(null));
        }
      };

  private record Known(@Nullable Coded<?> coded) {}

  /** A codec and its number. */
  record Coded<T>(int number, Codec<T> codec, Class<T> type) {
    boolean handles(Class<?> other) {
      return other == type || (isOpen(type) && type.isAssignableFrom(other));
    }

    void write(WireOutput output, Object value) throws IOException {
      int lengthAt = output.size();
      output.putInt(0);
      try (OneCall target = new OneCall(output)) {
        DataOutputStream stream = new DataOutputStream(target);
        codec.write(type.cast(value), stream);
        stream.flush();
      } catch (ValueTooLargeException | VirtualMachineError notItsFault) {
        throw notItsFault;
      } catch (Throwable thrown) { // whatever it is, the codec has failed
        throw failed("write", thrown.toString(), thrown);
      }
      output.setInt(lengthAt, output.size() - lengthAt - Integer.BYTES);
    }

    T read(WireInput input) throws IOException {
      WireInput bytes = input.slice(input.getLength(1));
      Object value;
      try {
        value = codec.read(new DataInputStream(bytes));
      } catch (VirtualMachineError notItsFault) {
        throw notItsFault;
      } catch (Throwable thrown) {
        throw failed("read", thrown.toString(), thrown);
      }
      if (bytes.remaining() > 0) {
        throw failed("read", "it left bytes unread: left=" + bytes.remaining(), null);
      }
      if (!type.isInstance(value)) {
        throw failed(
            "read",
            "it returned " + (value == null ? "null" : "a " + value.getClass().getName()),
            null);
      }
      return type.cast(value);
    }

    private InvalidObjectException failed(String what, String how, @Nullable Throwable cause) {
      return new InvalidObjectException(
          "codec must "
              + what
              + " every value of its class: codec="
              + codec.getClass().getName()
              + " class="
              + type.getName()
              + "; "
              + how,
          cause);
    }
  }

  /** Writes into a frame until it is closed: a codec that keeps it can do no harm. */
  private static final class OneCall extends OutputStream {
    private @Nullable WireOutput output;

    OneCall(WireOutput output) {
      this.output = output;
    }

    private WireOutput output() throws IOException {
      WireOutput current = output;
      if (current == null) {
        throw new IOException("codec must write only while it is asked to");
      }
      return current;
    }

    @Override
    public void write(int value) throws IOException {
      output().putByte(value);
    }

    @Override
    public void write(byte[] source, int offset, int length) throws IOException {
      output().write(source, offset, length);
    }

    @Override
    public void close() {
      output = null;
    }
  }

  private Codecs(List<Codec<?>> codecs) {
    List<Coded<?>> numbered = new ArrayList<>();
    for (Codec<?> codec : codecs) {
      numbered.add(coded(numbered.size(), codec));
    }
    this.all = List.copyOf(numbered);
  }

  private static <T> Coded<T> coded(int number, Codec<T> codec) {
    return new Coded<>(number, codec, codec.type());
  }

  private static boolean isOpen(Class<?> type) {
    return type.isInterface() || Modifier.isAbstract(type.getModifiers());
  }

  /**
   * Numbers codecs.
   *
   * @param codecs at most one for a class
   * @return the codecs
   * @throws IllegalArgumentException if one is for a class that is sent without, two are for the
   *     same class, or a worker could not make one
   */
  public static Codecs of(List<Codec<?>> codecs) {
    if (codecs.isEmpty()) {
      return NONE;
    }
    Codecs numbered = new Codecs(codecs);
    for (Coded<?> coded : numbered.all) {
      Class<?> type = coded.type;
      String name = coded.codec.getClass().getName();
      if (type.isPrimitive()
          || type.isArray()
          || type == String.class
          || type == Object.class
          || BOXES.contains(type)) {
        throw new IllegalArgumentException(
            "codec must be for a class that needs one: codec=" + name + " class=" + type.getName());
      }
      if (numbered.all.stream().filter(other -> other.type == type).count() > 1) {
        throw new IllegalArgumentException(
            "codec must be the only one for its class: codec=" + name + " class=" + type.getName());
      }
      try {
        var _ = constructor(coded.codec.getClass());
      } catch (NoSuchMethodException missing) {
        throw new IllegalArgumentException(
            "codec must have a constructor without parameters, by which workers make theirs: codec="
                + name,
            missing);
      }
    }
    return numbered;
  }

  /**
   * Says which codecs these are, for {@link #load}.
   *
   * @return one line; empty if there are none
   */
  public String describe() {
    return all.stream()
        .map(coded -> coded.codec.getClass().getName() + "=" + coded.codec.version())
        .collect(Collectors.joining(";"));
  }

  /**
   * Makes the codecs of a worker.
   *
   * @param description what {@link #describe} returned in the pool
   * @param loader finds their classes
   * @return the codecs, with the numbers that they have in the pool
   * @throws IOException if one is missing here, is of another version, or cannot be made
   */
  public static Codecs load(String description, ClassLoader loader) throws IOException {
    if (description.isEmpty()) {
      return NONE;
    }
    List<Codec<?>> codecs = new ArrayList<>();
    for (String each : description.split(";", 0)) {
      int end = each.indexOf('=');
      codecs.add(make(each.substring(0, end), each.substring(end + 1), loader));
    }
    return new Codecs(codecs);
  }

  private static Codec<?> make(String name, String version, ClassLoader loader) throws IOException {
    Codec<?> codec;
    try {
      codec = (Codec<?>) constructor(Class.forName(name, true, loader)).newInstance();
    } catch (ClassNotFoundException missing) {
      throw new IOException("codec must be on the class path of the workers: codec=" + name);
    } catch (InvocationTargetException thrown) {
      throw new IOException(
          "codec must not fail when it is made: codec=" + name + "; " + thrown.getCause(), thrown);
    } catch (ReflectiveOperationException | ClassCastException | LinkageError impossible) {
      throw new IOException(
          "codec must be one that workers can make: codec=" + name + "; " + impossible, impossible);
    }
    if (!version.equals("" + codec.version())) {
      throw new IOException(
          "codec must have the same version in the pool and in its workers: codec="
              + name
              + " pool="
              + version
              + " worker="
              + codec.version());
    }
    return codec;
  }

  private static Constructor<?> constructor(Class<?> codec) throws NoSuchMethodException {
    Constructor<?> constructor = codec.getDeclaredConstructor();
    constructor.setAccessible(true);
    return constructor;
  }

  /** Returns whether there is none. */
  boolean isEmpty() {
    return all.isEmpty();
  }

  /** Finds the codec for the values of a class; null if they go another way. */
  @Nullable Coded<?> find(Class<?> type) {
    return all.isEmpty() ? null : byClass.get(type).coded;
  }

  /** Finds a codec by the number that the other side gave. */
  Coded<?> get(int number) throws ProtocolException {
    if (number < 0 || number >= all.size()) {
      throw new ProtocolException("codec must be known: number=" + number);
    }
    return all.get(number);
  }

  /** Takes a value that has a codec out of the way of Java serialization. */
  CodedValue standInFor(Coded<?> coded, Object value) throws IOException {
    WireOutput bytes = new WireOutput(256);
    coded.write(bytes, value);
    return new CodedValue(coded.number, bytes.toBytes());
  }

  /** Returns the value that {@link #standInFor} stood in for. */
  Object restore(CodedValue standIn) throws IOException {
    return get(standIn.codec()).read(new WireInput(standIn.bytes(), 0, standIn.bytes().length));
  }
}
