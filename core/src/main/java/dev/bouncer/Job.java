package dev.bouncer;

import java.io.Serializable;
import java.util.concurrent.Callable;

/**
 * Work without an input. A lambda or a method reference is a {@code Job} without a cast, and any
 * pool can run it, also one whose workers are other processes.
 *
 * @param <R> the type of the result
 */
@FunctionalInterface
public interface Job<R> extends Callable<R>, Serializable {}
