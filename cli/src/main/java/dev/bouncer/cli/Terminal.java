package dev.bouncer.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/** What is known about the terminal that this process may have. */
@SuppressWarnings("restricted") // two calls of the C library
public final class Terminal {
  private static final int USUAL_COLUMNS = 80;

  private Terminal() {}

  /**
   * Tells whether a standard stream is a terminal.
   *
   * @param descriptor 0, 1 or 2
   * @return false also if that cannot be found out
   */
  public static boolean isTerminal(int descriptor) {
    Linker linker = Linker.nativeLinker();
    var isatty = linker.defaultLookup().find("isatty");
    if (isatty.isEmpty()) {
      return false;
    }
    try {
      var call = linker.downcallHandle(isatty.get(), FunctionDescriptor.of(JAVA_INT, JAVA_INT));
      return (int) call.invokeExact(descriptor) == 1;
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }

  /**
   * Tells whether a status line is welcome: on a terminal that can erase a line.
   *
   * @return whether to show one on the standard error
   */
  public static boolean showsStatus() {
    String kind = System.getenv("TERM");
    return kind != null && !kind.equals("dumb") && isTerminal(2);
  }

  /**
   * Returns the width of the terminal at the standard error.
   *
   * @return the number of columns, 80 if it cannot be found out
   */
  public static int columns() {
    if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).equals("linux")) {
      return USUAL_COLUMNS;
    }
    final long getWindowSize = 0x5413; // TIOCGWINSZ
    Linker linker = Linker.nativeLinker();
    try (Arena arena = Arena.ofConfined()) {
      var ioctl =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("ioctl"),
              FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
              Linker.Option.firstVariadicArg(2));
      MemorySegment size = arena.allocate(8, 2); // struct winsize: rows, columns, two unused
      int failed = (int) ioctl.invokeExact(2, getWindowSize, size);
      int columns = size.getAtIndex(JAVA_SHORT, 1) & 0xffff;
      return failed != 0 || columns == 0 ? USUAL_COLUMNS : columns;
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }
}
