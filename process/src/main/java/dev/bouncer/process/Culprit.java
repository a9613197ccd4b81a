package dev.bouncer.process;

import java.io.NotSerializableException;
import java.io.Serializable;
import java.lang.invoke.MethodHandleInfo;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.Field;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Says why something cannot be sent, in a sentence that names the culprit and the way to it. Runs
 * only after a failure, so it may be slow.
 */
final class Culprit {
  private static final int MAX_VISITED = 100_000;

  private Culprit() {}

  /** A value that a lambda captured cannot be sent. */
  static IllegalArgumentException inCapture(SerializedLambda lambda, int index, Throwable failure) {
    Object value = lambda.getCapturedArg(index);
    boolean isThis =
        index == 0
            && value != null
            && lambda.getImplMethodKind() != MethodHandleInfo.REF_invokeStatic
            && value.getClass().getName().equals(lambda.getCapturingClass().replace('/', '.'));
    String captured = isThis ? "`this`" : "captured value " + (index + 1);
    String subject =
        (lambda.getImplMethodName().startsWith("lambda$") ? "lambda" : "method reference")
            + " at "
            + submitSite(lambda.getCapturingClass().replace('/', '.'));
    return refuse(subject + " captures " + captured, value, failure);
  }

  /** A function that is no lambda, or a lambda that is not serializable, cannot be sent. */
  static IllegalArgumentException inFunction(Object function, Throwable failure) {
    Class<?> type = function.getClass();
    if (type.isHidden() && !(function instanceof Serializable)) {
      return new IllegalArgumentException(
          "task must be serializable: lambda at "
              + submitSite(hostOf(type))
              + " implements "
              + type.getInterfaces()[0].getName()
              + ", which is not Serializable; pass it as a Job or a Task",
          failure);
    }
    return refuse("function", function, failure);
  }

  /** An input cannot be sent. */
  static IllegalArgumentException inInput(@Nullable Object input, Throwable failure) {
    return refuse("input", input, failure);
  }

  private static IllegalArgumentException refuse(
      String subject, @Nullable Object value, Throwable failure) {
    if (!(failure instanceof NotSerializableException)) {
      return new IllegalArgumentException(
          "task must be serializable: " + subject + of(value) + ": " + failure, failure);
    }
    String path = value == null ? null : path(value);
    String culprit =
        path == null
            ? of(value) + ", which holds a " + failure.getMessage()
            : path.isEmpty() ? of(value) : of(value) + ", whose " + path;
    return new IllegalArgumentException(
        "task must be serializable: " + subject + culprit + ", which is not Serializable", failure);
  }

  private static String of(@Nullable Object value) {
    return value == null ? "" : " of " + value.getClass().getName();
  }

  private record Visit(Object object, String path) {}

  /**
   * Finds the shortest way from an object to one that is not serializable.
   *
   * @return "field x.y is a Z"; empty if it is the object itself; null if none was found, as
   *     serialization may take other ways than fields
   */
  private static @Nullable String path(Object root) {
    Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    ArrayDeque<Visit> queue = new ArrayDeque<>();
    queue.add(new Visit(root, ""));
    for (Visit visit = queue.poll(); visit != null; visit = queue.poll()) {
      Object object = visit.object;
      if (!seen.add(object)) {
        continue;
      }
      if (seen.size() > MAX_VISITED) {
        return null;
      }
      if (!(object instanceof Serializable)) {
        return visit.path.isEmpty()
            ? ""
            : "field `" + visit.path.substring(1) + "` is a " + object.getClass().getName();
      }
      addParts(visit, queue);
    }
    return null;
  }

  private static void addParts(Visit visit, ArrayDeque<Visit> queue) {
    switch (visit.object) {
      case Object[] array -> {
        for (int i = 0; i < array.length; i++) {
          add(queue, array[i], visit.path + "[" + i + "]");
        }
      }
      case Collection<?> collection -> {
        int i = 0;
        for (Object element : collection) {
          add(queue, element, visit.path + "[" + i++ + "]");
        }
      }
      case Map<?, ?> map ->
          map.forEach((key, value) -> {
            add(queue, key, visit.path + ".key(" + key + ")");
            add(queue, value, visit.path + "[" + key + "]");
          });
      default -> addFields(visit, queue);
    }
  }

  private static void addFields(Visit visit, ArrayDeque<Visit> queue) {
    for (Class<?> type = visit.object.getClass();
        type != null && Serializable.class.isAssignableFrom(type);
        type = type.getSuperclass()) {
      for (Field field : type.getDeclaredFields()) {
        int modifiers = field.getModifiers();
        if (Modifier.isStatic(modifiers)
            || Modifier.isTransient(modifiers)
            || field.getType().isPrimitive()) {
          continue;
        }
        try {
          field.setAccessible(true);
          add(queue, field.get(visit.object), visit.path + "." + field.getName());
        } catch (InaccessibleObjectException | IllegalAccessException closed) {
          // A class of the JDK: its own fields are its own business.
        }
      }
    }
  }

  private static void add(ArrayDeque<Visit> queue, @Nullable Object part, String path) {
    if (part != null) {
      queue.add(new Visit(part, path));
    }
  }

  /** The class that a lambda stands in: its hidden class is named after it. */
  private static String hostOf(Class<?> lambda) {
    int end = lambda.getName().indexOf("$$Lambda");
    return end < 0 ? lambda.getName() : lambda.getName().substring(0, end);
  }

  /**
   * The line in a class from which submit was called, as near to the lambda as a stack can tell.
   */
  private static String submitSite(String className) {
    return StackWalker.getInstance()
        .walk(frames -> frames.filter(frame -> frame.getClassName().equals(className)).findFirst())
        .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
        .orElse(className);
  }
}
