package dev.bouncer.process.wire;

/** A value needs more bytes than a frame may have. */
public final class ValueTooLargeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /**
   * Names both numbers.
   *
   * @param bytes how many bytes the value needs, at least
   * @param limit how many it may have
   */
  public ValueTooLargeException(long bytes, long limit) {
    super("value must be at most " + limit + " bytes when it is sent: bytes=" + bytes);
  }
}
