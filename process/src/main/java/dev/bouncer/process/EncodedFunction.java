package dev.bouncer.process;

import dev.bouncer.process.wire.FunctionShape;
import org.jspecify.annotations.Nullable;

/** A function ready to be sent: the number of its shape in this pool, and what it captured. */
final class EncodedFunction {
  /** The number of the shape; {@link FunctionShape#OBJECT} for a function that is sent whole. */
  final int id;

  /** The shape, or null for a function that is sent whole. */
  final @Nullable FunctionShape shape;

  /** The captured values as they stood at the submit, in the encoding of the wire. */
  final byte[] captured;

  /** Where in {@link #captured} the longest of the values is; empty if there is none. */
  final int longestAt;

  final int longestLength;

  /** What to call the function in messages. */
  final String name;

  /** The class whose code it is: its loader and package are those of its results. */
  final Class<?> origin;

  /** What it takes to run; shared by all functions of one class. */
  final TaskCost cost;

  EncodedFunction(
      int id,
      @Nullable FunctionShape shape,
      byte[] captured,
      int longestAt,
      int longestLength,
      String name,
      Class<?> origin,
      TaskCost cost) {
    this.id = id;
    this.shape = shape;
    this.captured = captured;
    this.longestAt = longestAt;
    this.longestLength = longestLength;
    this.name = name;
    this.origin = origin;
    this.cost = cost;
  }

  EncodedFunction withCaptured(byte[] values, int newLongestAt, int newLongestLength) {
    return new EncodedFunction(
        id, shape, values, newLongestAt, newLongestLength, name, origin, cost);
  }
}
