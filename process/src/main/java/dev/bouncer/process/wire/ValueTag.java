package dev.bouncer.process.wire;

/** The first byte of a value: which encoding follows. */
final class ValueTag {
  private ValueTag() {}

  static final byte NULL = 0;
  static final byte FALSE = 1;
  static final byte TRUE = 2;
  static final byte BYTE = 3;
  static final byte SHORT = 4;
  static final byte CHAR = 5;
  static final byte INT = 6;
  static final byte LONG = 7;
  static final byte FLOAT = 8;
  static final byte DOUBLE = 9;
  static final byte STRING = 10;
  static final byte BYTES = 11;
  static final byte INTS = 12;
  static final byte LONGS = 13;
  static final byte DOUBLES = 14;

  /** Int length, then a stream of Java serialization. */
  static final byte SERIALIZED = 15;

  /** A {@link TypedList}. */
  static final byte LIST = 17;

  /** String class, then its components, each a value: see {@link RecordShape}. */
  static final byte RECORD = 18;

  /** Int number of a codec, then what {@link Codecs} says. */
  static final byte CODED = 19;

  /** Byte slot, int length: the value is in that {@link Slab}. */
  static final byte IN_SLAB = 16;
}
