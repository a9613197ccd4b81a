package dev.bouncer.cli;

/** Starts the {@code bouncer} command. */
public final class Main {
  private Main() {}

  /**
   * Starts the command.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    System.out.println("bouncer");
  }
}
