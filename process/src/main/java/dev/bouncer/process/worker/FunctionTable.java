package dev.bouncer.process.worker;

import dev.bouncer.Task;
import dev.bouncer.process.wire.Codecs;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.ValueReader;
import dev.bouncer.process.wire.WireInput;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * The functions that the pool has defined. Shapes may come from one thread while another looks them
 * up; functions are made by the thread that runs tasks.
 *
 * <p>A function that captures nothing is made once. One that captures is made anew for each task,
 * from the values that came with that task: what a task does to them, no other task sees.
 */
final class FunctionTable {
  private final Map<Integer, Entry> entries = new HashMap<>();
  private final ClassLoader loader;
  private final ValueReader values;

  FunctionTable(ClassLoader loader, Slabs slabs, Codecs codecs) {
    this.loader = loader;
    this.values = new ValueReader(loader, null, slabs, codecs);
  }

  private static final class Entry {
    final FunctionShape shape;
    FunctionShape.@Nullable Factory factory;
    @Nullable Object function;

    Entry(FunctionShape shape) {
      this.shape = shape;
    }
  }

  synchronized void define(int id, FunctionShape shape) {
    entries.put(id, new Entry(shape));
  }

  /** Makes the function of a task out of its number and the captured values. */
  Object function(int id, WireInput input) throws IOException, ReflectiveOperationException {
    if (id == FunctionShape.OBJECT) {
      Object function = values.read(input);
      if (function == null) {
        throw new ProtocolException("function must be an object: null");
      }
      return function;
    }
    Entry entry = entry(id);
    if (entry.function != null) {
      return entry.function;
    }
    if (entry.factory == null) {
      entry.factory = entry.shape.factory(loader);
    }
    @Nullable Object[] captured = new @Nullable Object[entry.shape.captures()];
    for (int i = 0; i < captured.length; i++) {
      captured[i] = values.read(input);
    }
    Object function = entry.shape.instantiate(entry.factory, captured);
    if (captured.length == 0) {
      entry.function = function;
    }
    return function;
  }

  @Nullable Object input(WireInput input) throws IOException, ClassNotFoundException {
    return values.read(input);
  }

  /** Calls whatever a pool accepts as work. */
  @SuppressWarnings("IfChainToSwitch") // the first pattern switch costs a JVM tens of milliseconds
  static @Nullable Object call(Object function, @Nullable Object input) throws Exception {
    if (function instanceof Task<?, ?> task) {
      return apply(task, input);
    }
    if (function instanceof Callable<?> callable) {
      return callable.call();
    }
    if (function instanceof Runnable runnable) {
      runnable.run();
      return null;
    }
    throw new ProtocolException(
        "function must be a Task, Callable or Runnable: class=" + function.getClass().getName());
  }

  @SuppressWarnings({"unchecked", "NullAway"}) // a task gets the input it was submitted with
  private static <T extends @Nullable Object> @Nullable Object apply(
      Task<T, ?> task, @Nullable Object input) throws Exception {
    return task.apply((T) input);
  }

  private synchronized Entry entry(int id) throws ProtocolException {
    Entry entry = entries.get(id);
    if (entry == null) {
      throw new ProtocolException("function must be defined before it is used: id=" + id);
    }
    return entry;
  }
}
