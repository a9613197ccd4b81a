package dev.bouncer.cli.run;

import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Where the inputs come from, one by one. Used by one thread at a time. */
public interface InputSource {

  /**
   * Returns the next input, waiting for it if need be.
   *
   * @return the input, or null at the end
   * @throws IOException if the source cannot be read
   */
  @Nullable Input next() throws IOException;

  /**
   * Returns how many inputs there are in all.
   *
   * @return the number, if it is known
   */
  OptionalLong total();

  /**
   * Returns the inputs that were given on the command line.
   *
   * @param inputs their bytes
   * @return a source of them
   */
  static InputSource of(List<byte[]> inputs) {
    Iterator<byte[]> iterator = inputs.iterator();
    return new InputSource() {
      @Override
      public @Nullable Input next() {
        return iterator.hasNext() ? Input.of(iterator.next()) : null;
      }

      @Override
      public OptionalLong total() {
        return OptionalLong.of(inputs.size());
      }
    };
  }
}
