package dev.bouncer.process;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;

/**
 * How the values of one class travel between a {@link ProcessPool} and its workers, in place of
 * Java serialization: for classes that are not {@link java.io.Serializable}, for a library's own
 * format, or for speed. Handed to {@link ProcessPoolBuilder#codecs}.
 *
 * <p>It is used wherever such a value is: as an input, a result, captured by a function, as an
 * element of a list, or deep inside of other objects.
 *
 * <p><b>In the workers.</b> Each worker makes a codec of its own, by the constructor without
 * parameters, from its own class path. A worker that has no such class, or a codec of another
 * {@link #version}, cannot be started; the failure says so.
 *
 * <p><b>What it may do.</b> Its methods are called by several threads at once, in the pool also by
 * the thread that reads what a worker says: they must not block. The streams are good for one call.
 * Reading ends where writing ended: who reads more meets the end of the stream, and who leaves
 * something unread, or returns null or another class, has failed. A codec that fails fails the
 * submit or its task, and nothing else.
 *
 * <p><b>Trust.</b> In the pool, {@link #read} is given what a worker sent, which may be the work of
 * hostile data: it should take lengths for true only as far as {@link DataInputStream#available}
 * bears them out.
 *
 * @param <T> the class of the values
 */
public interface Codec<T> {
  /**
   * Returns which values it is for: those of exactly this class; if this is an interface or an
   * abstract class, those of every class below it.
   *
   * @return always the same class; none that is sent without a codec in any case: a primitive or
   *     its box, {@link String}, or an array
   */
  Class<T> type();

  /**
   * Writes a value.
   *
   * @param value what to write
   * @param output where to
   * @throws IOException if it cannot be written
   */
  void write(T value, DataOutputStream output) throws IOException;

  /**
   * Makes a value of what {@link #write} wrote.
   *
   * @param input where from
   * @return the value, not null
   * @throws IOException if the bytes are no such value
   */
  T read(DataInputStream input) throws IOException;

  /**
   * Returns the version of the encoding, to be changed with it: a worker whose class path holds
   * another version is not used.
   *
   * @return the version; 1 unless overridden
   */
  default int version() {
    return 1;
  }
}
