package dev.bouncer.process.wire;

import java.io.Serializable;

/**
 * Stands in for a value that has a codec inside of a stream of Java serialization.
 *
 * @param codec the number of the codec
 * @param bytes what the codec wrote
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record CodedValue(int codec, byte[] bytes) implements Serializable {}
