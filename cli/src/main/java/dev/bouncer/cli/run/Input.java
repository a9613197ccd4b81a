package dev.bouncer.cli.run;

import org.jspecify.annotations.Nullable;

/**
 * What one job gets: any bytes.
 *
 * <p>An input that cannot be an argument of a program, because it is too long or holds a zero byte,
 * has a {@link #defect}; its job fails and the others go on.
 */
public final class Input {
  private static final int SHOWN_CHARACTERS = 120;

  private final byte[] bytes;
  private final @Nullable String defect;

  private Input(byte[] bytes, @Nullable String defect) {
    this.bytes = bytes;
    this.defect = defect;
  }

  static Input of(byte[] bytes) {
    for (byte b : bytes) {
      if (b == 0) {
        return defective(bytes, "it holds a zero byte, which no argument can (is --null missing?)");
      }
    }
    return new Input(bytes, null);
  }

  static Input defective(byte[] beginning, String defect) {
    return new Input(beginning, defect);
  }

  /**
   * Returns what the input consists of.
   *
   * @return its bytes, not copied
   */
  public byte[] bytes() {
    return bytes;
  }

  /**
   * Returns why no job can have this input.
   *
   * @return the reason, or null if one can
   */
  public @Nullable String defect() {
    return defect;
  }

  /** Returns the input as one line that is safe to print on a terminal. */
  @Override
  public String toString() {
    return Printable.of(bytes, SHOWN_CHARACTERS);
  }
}
