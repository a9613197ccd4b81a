package dev.bouncer.process.wire;

import java.io.ObjectInputFilter;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a pool accepts from a worker. A worker may run hostile data through fragile code, so the
 * pool trusts it less than the worker trusts the pool.
 *
 * <p>Allowed are the value types of the JDK, records, enums and exceptions of any package, the
 * classes of the package in which the task's function was written, what codecs make, and the
 * packages that the user named. Size, depth and array lengths are bounded. Everything else is
 * refused: above all lambdas, proxies, and the classes of libraries that happen to be on the class
 * path.
 */
public final class ResultFilter implements ObjectInputFilter {
  private static final long MAX_DEPTH = 2_000;

  /** A hash table has up to three places for each entry that a stream holds in a few bytes. */
  private static final long ELEMENTS_PER_BYTE = 2;

  private static final long MIN_ARRAY = 1_024;

  private static final Set<String> JDK_PACKAGES =
      Set.of(
          "java.util",
          "java.util.concurrent",
          "java.util.concurrent.atomic",
          "java.time",
          "java.time.chrono",
          "java.time.zone",
          "java.math");

  private static final Set<String> JDK_CLASSES =
      Set.of(
          "java.lang.Object",
          "java.lang.String",
          "java.lang.Number",
          "java.lang.Byte",
          "java.lang.Short",
          "java.lang.Integer",
          "java.lang.Long",
          "java.lang.Float",
          "java.lang.Double",
          "java.lang.Boolean",
          "java.lang.Character",
          "java.lang.Enum",
          "java.lang.Record",
          "java.lang.StackTraceElement",
          "java.net.URI");

  private final String functionPackage;
  private final List<String> allowed;
  private final Codecs codecs;
  private long streamBytes;
  private @Nullable String refused;

  /** The class of a value that a codec has just made. */
  private @Nullable Class<?> restored;

  /**
   * Makes a filter for one result.
   *
   * @param functionPackage the package that the task's function was written in
   * @param allowed names of classes, or of packages when they end in {@code .*} (that package) or
   *     {@code .**} (and those below)
   * @param codecs their classes may be elements of arrays, of whose elements each is made by them
   */
  public ResultFilter(String functionPackage, List<String> allowed, Codecs codecs) {
    this.functionPackage = functionPackage;
    this.allowed = allowed;
    this.codecs = codecs;
  }

  /**
   * Starts with a new stream: no array in it may be larger than its bytes can account for.
   *
   * @param bytes the length of the stream
   */
  void begin(int bytes) {
    streamBytes = bytes;
    refused = null;
  }

  /**
   * Accepts one object of a class: a codec has made it, not the bytes of the stream. The stream
   * asks at once.
   */
  void allowOnce(Class<?> type) {
    restored = type;
  }

  /**
   * Returns what made the filter refuse.
   *
   * @return the name of a class, or which bound was passed; null if nothing was refused
   */
  public @Nullable String refused() {
    return refused;
  }

  @Override
  public Status checkInput(FilterInfo info) {
    if (info.depth() > MAX_DEPTH) {
      refused = "a depth of " + info.depth();
    } else if (info.arrayLength() > MIN_ARRAY + ELEMENTS_PER_BYTE * streamBytes) {
      refused = "an array of " + info.arrayLength() + " elements";
    } else {
      Class<?> type = info.serialClass();
      boolean isRestored = type != null && type == restored;
      restored = null;
      if (type == null || isRestored || isAllowed(type)) {
        return Status.ALLOWED;
      }
      refused = type.getName();
    }
    return Status.REJECTED;
  }

  /** Returns whether values of a class are accepted, and remembers the class if not. */
  boolean accepts(Class<?> type) {
    if (isAllowed(type)) {
      return true;
    }
    refused = type.getName();
    return false;
  }

  private boolean isAllowed(Class<?> type) {
    Class<?> element = type;
    while (element.isArray()) {
      element = element.componentType();
    }
    if (element.isPrimitive()
        || element.isRecord()
        || element.isEnum()
        || Throwable.class.isAssignableFrom(element)) {
      return true;
    }
    if (element.isHidden() || element.isSynthetic()) {
      return false;
    }
    String name = element.getName();
    String inPackage = element.getPackageName();
    return JDK_CLASSES.contains(name)
        || JDK_PACKAGES.contains(inPackage)
        || (!inPackage.isEmpty() && inPackage.equals(functionPackage))
        || (inPackage.isEmpty() && functionPackage.isEmpty())
        || (type.isArray() && codecs.find(element) != null)
        || allowed.stream().anyMatch(pattern -> matches(pattern, name, inPackage));
  }

  private static boolean matches(String pattern, String name, String inPackage) {
    if (pattern.endsWith(".**")) {
      String top = pattern.substring(0, pattern.length() - 3);
      return inPackage.equals(top) || inPackage.startsWith(top + ".");
    }
    if (pattern.endsWith(".*")) {
      return inPackage.equals(pattern.substring(0, pattern.length() - 2));
    }
    return name.equals(pattern);
  }
}
