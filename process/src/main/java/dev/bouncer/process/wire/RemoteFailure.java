package dev.bouncer.process.wire;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.jspecify.annotations.Nullable;

/**
 * An exception on its way from a worker: always as text, and as the object itself when that could
 * be serialized.
 *
 * @param type the name of its class
 * @param message its message
 * @param trace its stack trace with all causes, as text
 * @param unsendable why the object itself did not come along, or null when it did
 * @param value the object in the encoding of {@link ValueWriter}, or null
 */
public record RemoteFailure(
    String type,
    @Nullable String message,
    String trace,
    @Nullable String unsendable,
    @Nullable WireInput value) {

  private static final int MAX_TEXT = 1 << 16;

  /**
   * Writes an exception. Never fails because of what the exception is or holds.
   *
   * @param output where to
   * @param failure the exception
   * @param values writes what it is made of
   */
  public static void write(WireOutput output, Throwable failure, ValueWriter values) {
    output.putString(failure.getClass().getName());
    String message = text(failure::getMessage);
    output.putByte(message == null ? 0 : 1);
    if (message != null) {
      output.putString(message);
    }
    String trace = text(() -> print(failure));
    output.putString(trace == null ? "" : trace);
    WireOutput value = new WireOutput(1024);
    try {
      values.write(value, failure);
      output.putByte(1);
      byte[] bytes = value.toBytes();
      output.putInt(bytes.length);
      output.write(bytes, 0, bytes.length);
    } catch (IOException | RuntimeException | StackOverflowError cannot) {
      output.putByte(0);
      output.putString(String.valueOf(text(cannot::toString)));
    }
  }

  /**
   * Reads an exception; what it is made of is not touched yet.
   *
   * @param input where from
   * @return the failure
   * @throws ProtocolException if the bytes are no failure
   */
  public static RemoteFailure read(WireInput input) throws ProtocolException {
    String type = input.getString();
    String message = input.getByte() == 0 ? null : input.getString();
    String trace = input.getString();
    if (input.getByte() == 0) {
      return new RemoteFailure(type, message, trace, input.getString(), null);
    }
    return new RemoteFailure(type, message, trace, null, input.slice(input.getLength(1)));
  }

  private static String print(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  /** Asks an exception of a user for text; its methods may throw, too. */
  private static @Nullable String text(Text source) {
    try {
      String text = source.get();
      return text == null || text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT) + "...";
    } catch (RuntimeException | StackOverflowError broken) {
      return null;
    }
  }

  private interface Text {
    @Nullable String get();
  }
}
