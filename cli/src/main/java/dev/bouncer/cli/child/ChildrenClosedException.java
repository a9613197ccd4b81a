package dev.bouncer.cli.child;

/** The children are being killed because the command ends. */
public final class ChildrenClosedException extends Exception {
  private static final long serialVersionUID = 1L;

  ChildrenClosedException() {
    super("no child is started any more: the command ends");
  }
}
