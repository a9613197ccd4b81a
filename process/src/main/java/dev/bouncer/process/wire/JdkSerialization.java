package dev.bouncer.process.wire;

import java.io.IOException;
import java.io.InputStream;
import java.io.InvalidClassException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.OutputStream;
import java.lang.reflect.Proxy;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/** Java serialization, for every value that has no encoding of its own. */
final class JdkSerialization {
  private JdkSerialization() {}

  static void write(OutputStream target, Object value, Codecs codecs) throws IOException {
    try (ObjectOutputStream stream =
        codecs.isEmpty() ? new ObjectOutputStream(target) : new CodingStream(target, codecs)) {
      stream.writeObject(value);
    }
  }

  /**
   * Reads one object.
   *
   * @param loader finds its classes; null for the loader of the application
   * @param filter what may be read; null for everything
   * @param codecs read the values that have one
   */
  static @Nullable Object read(
      InputStream source,
      @Nullable ClassLoader loader,
      @Nullable ResultFilter filter,
      Codecs codecs)
      throws IOException, ClassNotFoundException {
    try (LoadingStream stream = new LoadingStream(source, loader, filter, codecs)) {
      if (filter != null) {
        stream.setObjectInputFilter(filter);
      }
      return stream.readObject();
    }
  }

  /** Writes values that have a codec by that, each of them once. */
  private static final class CodingStream extends ObjectOutputStream {
    private final Codecs codecs;
    private final IdentityHashMap<Object, CodedValue> written = new IdentityHashMap<>();

    CodingStream(OutputStream target, Codecs codecs) throws IOException {
      super(target);
      this.codecs = codecs;
      enableReplaceObject(true);
    }

    @Override
    protected Object replaceObject(Object value) throws IOException {
      Codecs.Coded<?> coded = codecs.find(value.getClass());
      if (coded == null) {
        return value;
      }
      CodedValue standIn = written.get(value);
      if (standIn == null) {
        standIn = codecs.standInFor(coded, value);
        written.put(value, standIn);
      }
      return standIn;
    }
  }

  /** Resolves classes by a given loader rather than by whoever happens to be on the stack. */
  private static final class LoadingStream extends ObjectInputStream {
    private final ClassLoader loader;
    private final @Nullable ResultFilter filter;
    private final Codecs codecs;

    LoadingStream(
        InputStream source,
        @Nullable ClassLoader loader,
        @Nullable ResultFilter filter,
        Codecs codecs)
        throws IOException {
      super(source);
      this.filter = filter;
      this.codecs = codecs;
      if (!codecs.isEmpty()) {
        enableResolveObject(true);
      }
      this.loader = loader == null ? ClassLoader.getSystemClassLoader() : loader;
    }

    @Override
    protected Class<?> resolveClass(ObjectStreamClass description)
        throws IOException, ClassNotFoundException {
      try {
        return Class.forName(description.getName(), false, loader);
      } catch (ClassNotFoundException unknown) {
        return super.resolveClass(description); // primitive types, and what only the caller sees
      }
    }

    @Override
    protected Object resolveObject(Object value) throws IOException {
      if (!(value instanceof CodedValue standIn)) {
        return value;
      }
      Object restored = codecs.restore(standIn);
      if (filter != null) {
        filter.allowOnce(restored.getClass());
      }
      return restored;
    }

    @Override
    protected Class<?> resolveProxyClass(String[] interfaces)
        throws IOException, ClassNotFoundException {
      Class<?>[] types = new Class<?>[interfaces.length];
      for (int i = 0; i < types.length; i++) {
        types[i] = Class.forName(interfaces[i], false, loader);
      }
      try {
        @SuppressWarnings("deprecation") // the only way to name a proxy's class without an instance
        Class<?> proxy = Proxy.getProxyClass(loader, types);
        return proxy;
      } catch (IllegalArgumentException impossible) {
        throw new InvalidClassException("no proxy has these interfaces", impossible);
      }
    }
  }
}
