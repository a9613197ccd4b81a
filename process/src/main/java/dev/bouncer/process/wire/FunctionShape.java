package dev.bouncer.process.wire;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.InvocationTargetException;
import org.jspecify.annotations.Nullable;

/**
 * Everything about a lambda or method reference but the values it captured: what {@link
 * SerializedLambda} holds. It is sent to a worker once; a task then names it by number and brings
 * the captured values.
 *
 * @param capturingClass the class that the lambda stands in, with dots
 * @param functionalInterface the interface it implements, with slashes, as all names that follow
 * @param interfaceMethod the name of the method of that interface
 * @param interfaceSignature the erased signature of that method
 * @param implementationKind a method handle's kind
 * @param implementationClass the class of the method with the body
 * @param implementationMethod the name of that method
 * @param implementationSignature its signature
 * @param instantiatedType the signature after type variables were replaced
 * @param captures how many values it captures
 */
public record FunctionShape(
    String capturingClass,
    String functionalInterface,
    String interfaceMethod,
    String interfaceSignature,
    int implementationKind,
    String implementationClass,
    String implementationMethod,
    String implementationSignature,
    String instantiatedType,
    int captures) {

  /**
   * The number of the shape of functions that are objects: the one captured value is the object.
   */
  public static final int OBJECT = 0;

  /** What a lambda may capture at most: a method has at most 255 parameters. */
  private static final int MAX_CAPTURES = 255;

  /**
   * Takes the shape out of a serialized lambda.
   *
   * @param lambda the lambda
   * @return its shape
   */
  public static FunctionShape of(SerializedLambda lambda) {
    return new FunctionShape(
        lambda.getCapturingClass().replace('/', '.'),
        lambda.getFunctionalInterfaceClass(),
        lambda.getFunctionalInterfaceMethodName(),
        lambda.getFunctionalInterfaceMethodSignature(),
        lambda.getImplMethodKind(),
        lambda.getImplClass(),
        lambda.getImplMethodName(),
        lambda.getImplMethodSignature(),
        lambda.getInstantiatedMethodType(),
        lambda.getCapturedArgCount());
  }

  /**
   * Writes the shape.
   *
   * @param output where to
   */
  public void write(WireOutput output) {
    output.putString(capturingClass);
    output.putString(functionalInterface);
    output.putString(interfaceMethod);
    output.putString(interfaceSignature);
    output.putInt(implementationKind);
    output.putString(implementationClass);
    output.putString(implementationMethod);
    output.putString(implementationSignature);
    output.putString(instantiatedType);
    output.putInt(captures);
  }

  /**
   * Reads a shape.
   *
   * @param input where from
   * @return it
   * @throws ProtocolException if the bytes are no shape
   */
  public static FunctionShape read(WireInput input) throws ProtocolException {
    FunctionShape shape =
        new FunctionShape(
            input.getString(),
            input.getString(),
            input.getString(),
            input.getString(),
            input.getInt(),
            input.getString(),
            input.getString(),
            input.getString(),
            input.getString(),
            input.getInt());
    if (shape.captures < 0 || shape.captures > MAX_CAPTURES) {
      throw new ProtocolException("captures must be 0 to 255: captures=" + shape.captures);
    }
    return shape;
  }

  /** How a capturing class makes its lambdas again. */
  public static final class Factory {
    private final Class<?> capturingClass;
    private final MethodHandle deserialize;

    private Factory(Class<?> capturingClass, MethodHandle deserialize) {
      this.capturingClass = capturingClass;
      this.deserialize = deserialize;
    }
  }

  /**
   * Finds the method by which the capturing class makes its lambdas again. Initialises that class.
   *
   * @param loader where to look for it
   * @return the method, for {@link #instantiate}
   * @throws ReflectiveOperationException if the class or the method is unknown here
   */
  public Factory factory(ClassLoader loader) throws ReflectiveOperationException {
    Class<?> type = Class.forName(capturingClass, true, loader);
    // Reflection would make classes to adapt this method with, in the way of the first task.
    return new Factory(
        type,
        MethodHandles.privateLookupIn(type, MethodHandles.lookup())
            .findStatic(
                type,
                "$deserializeLambda$",
                MethodType.methodType(Object.class, SerializedLambda.class)));
  }

  /**
   * Makes the function.
   *
   * @param factory what {@link #factory} found
   * @param captured the captured values, {@link #captures} of them
   * @return the function
   * @throws ReflectiveOperationException if the class refuses; a function that this build of the
   *     class does not have is an {@link IllegalArgumentException} in the cause
   */
  public Object instantiate(Factory factory, @Nullable Object[] captured)
      throws ReflectiveOperationException {
    SerializedLambda lambda =
        new SerializedLambda(
            factory.capturingClass,
            functionalInterface,
            interfaceMethod,
            interfaceSignature,
            implementationKind,
            implementationClass,
            implementationMethod,
            implementationSignature,
            instantiatedType,
            captured);
    Object function;
    try {
      function = (Object) factory.deserialize.invokeExact(lambda);
    } catch (Throwable refused) {
      throw new InvocationTargetException(refused);
    }
    if (function == null) {
      throw new InvocationTargetException(null, "the capturing class returned no function");
    }
    return function;
  }

  /**
   * Names the function as a stack trace would.
   *
   * @return class and method
   */
  public String describe() {
    return implementationClass.replace('/', '.') + "." + implementationMethod;
  }
}
