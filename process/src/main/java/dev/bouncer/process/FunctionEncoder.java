package dev.bouncer.process;

import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import java.io.IOException;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Method;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Turns the functions of one pool into what is sent. Thread-safe.
 *
 * <p>A serializable lambda can say what it is made of ({@link SerializedLambda}). All but the
 * captured values is the same for every lambda of one class, so it gets a number once. The captured
 * values are encoded at each submit, as they stand at that moment; the encoding is kept only when
 * none of them can change.
 */
final class FunctionEncoder {
  private final ValueWriter values;
  private final AtomicInteger lastId = new AtomicInteger(FunctionShape.OBJECT);

  FunctionEncoder(ValueWriter values) {
    this.values = values;
  }

  private final ClassValue<LambdaClass> lambdaClasses =
      new ClassValue<>() {
        @Override
        protected LambdaClass computeValue(Class<?> type) {
          return new LambdaClass(writeReplace(type));
        }
      };

  /** What is known of one class of functions. */
  private static final class LambdaClass {
    final @Nullable Method writeReplace;
    final TaskCost cost = new TaskCost();
    volatile @Nullable EncodedFunction shaped; // without captured values
    volatile @Nullable Kept kept;

    LambdaClass(@Nullable Method writeReplace) {
      this.writeReplace = writeReplace;
    }
  }

  /** The function of a class that was encoded last; one that captures nothing exists only once. */
  private record Kept(Object function, EncodedFunction encoded) {}

  /**
   * Encodes a function.
   *
   * @throws IllegalArgumentException naming the culprit, if it cannot be sent
   */
  @SuppressWarnings("ReferenceEquality") // an equal function may have captured something else
  EncodedFunction encode(Object function) {
    LambdaClass known = lambdaClasses.get(function.getClass());
    Kept kept = known.kept;
    if (kept != null && kept.function == function) {
      return kept.encoded;
    }
    SerializedLambda lambda = disassemble(function, known.writeReplace);
    return lambda == null ? whole(function, known) : lambda(function, lambda, known);
  }

  private EncodedFunction lambda(Object function, SerializedLambda lambda, LambdaClass known) {
    boolean immutable = true;
    WireOutput captured = new WireOutput(64);
    int longestAt = 0;
    int longestLength = 0;
    for (int i = 0; i < lambda.getCapturedArgCount(); i++) {
      Object value = lambda.getCapturedArg(i);
      int before = captured.size();
      immutable &= ValueWriter.isImmutable(value);
      try {
        values.write(captured, value);
      } catch (IOException | RuntimeException | StackOverflowError failure) {
        throw Culprit.inCapture(lambda, i, failure);
      }
      if (captured.size() - before > longestLength) {
        longestAt = before;
        longestLength = captured.size() - before;
      }
    }
    EncodedFunction shaped = shape(lambda, known, function.getClass());
    EncodedFunction encoded = shaped.withCaptured(captured.toBytes(), longestAt, longestLength);
    if (immutable) {
      known.kept = new Kept(function, encoded);
    }
    return encoded;
  }

  private EncodedFunction shape(SerializedLambda lambda, LambdaClass known, Class<?> type) {
    EncodedFunction shaped = known.shaped;
    if (shaped == null) {
      synchronized (known) {
        shaped = known.shaped;
        if (shaped == null) {
          FunctionShape shape = FunctionShape.of(lambda);
          shaped =
              new EncodedFunction(
                  lastId.incrementAndGet(),
                  shape,
                  new byte[0],
                  0,
                  0,
                  shape.describe(),
                  type,
                  known.cost);
          known.shaped = shaped;
        }
      }
    }
    return shaped;
  }

  private EncodedFunction whole(Object function, LambdaClass known) {
    WireOutput output = new WireOutput(512);
    try {
      values.write(output, function);
    } catch (IOException | RuntimeException | StackOverflowError failure) {
      throw Culprit.inFunction(function, failure);
    }
    Class<?> type = function.getClass();
    byte[] encoded = output.toBytes();
    return new EncodedFunction(
        FunctionShape.OBJECT, null, encoded, 0, encoded.length, type.getName(), type, known.cost);
  }

  /** Takes a lambda apart; null for a function that is no lambda or does not let us. */
  private static @Nullable SerializedLambda disassemble(
      Object function, @Nullable Method writeReplace) {
    if (writeReplace == null) {
      return null;
    }
    try {
      return (SerializedLambda) writeReplace.invoke(function);
    } catch (ReflectiveOperationException unexpected) {
      return null;
    }
  }

  private static @Nullable Method writeReplace(Class<?> type) {
    if (!type.isHidden()) { // the JDK makes the classes of lambdas hidden
      return null;
    }
    try {
      Method method = type.getDeclaredMethod("writeReplace");
      if (method.getReturnType() != Object.class) {
        return null;
      }
      method.setAccessible(true);
      return method;
    } catch (NoSuchMethodException | InaccessibleObjectException notALambdaWeMayOpen) {
      return null;
    }
  }
}
