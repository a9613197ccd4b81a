package dev.bouncer;

import java.io.Serializable;

/**
 * Work on one input. A lambda or a method reference is a {@code Task} without a cast, and, because
 * the interface is serializable, can be sent to another process together with what it captures.
 *
 * @param <T> the type of the input
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface Task<T, R> extends Serializable {

  /**
   * Does the work.
   *
   * @param input what to work on
   * @return the result
   * @throws Exception if the work failed
   */
  R apply(T input) throws Exception;
}
