package dev.bouncer.benchmarks;

/** Does nothing: what the start and the end of a JVM cost. */
final class BareProgram {
  private BareProgram() {}

  /**
   * Ends.
   *
   * @param args none
   */
  public static void main(String[] args) {}
}
