package dev.bouncer.cli.child;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The functions of the C library that child processes need, on 64-bit Linux with glibc 2.34 or
 * newer. Each method is the function of the same name; {@code errno} comes back negated, as the
 * kernel itself returns it.
 */
@SuppressWarnings("restricted") // the calls are the purpose of this class
final class LibC {
  static final short POLLIN = 1;
  private static final int O_CLOEXEC = 0x80000;
  private static final long SYS_PIDFD_OPEN = 434; // the same on every architecture

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup SYMBOLS = LINKER.defaultLookup();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_OF =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle SPAWN =
      function("posix_spawnp", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
  private static final MethodHandle ACTIONS_INIT =
      function("posix_spawn_file_actions_init", JAVA_INT, ADDRESS);
  private static final MethodHandle ACTIONS_DESTROY =
      function("posix_spawn_file_actions_destroy", JAVA_INT, ADDRESS);
  private static final MethodHandle ACTIONS_OPEN =
      function(
          "posix_spawn_file_actions_addopen",
          JAVA_INT,
          ADDRESS,
          JAVA_INT,
          ADDRESS,
          JAVA_INT,
          JAVA_INT);
  private static final MethodHandle ACTIONS_DUP2 =
      function("posix_spawn_file_actions_adddup2", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle ACTIONS_CLOSEFROM =
      function("posix_spawn_file_actions_addclosefrom_np", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle CLOSE = function("close", JAVA_INT, JAVA_INT);
  private static final MethodHandle PIPE2 = withErrno("pipe2", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle READ =
      withErrno("read", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle POLL =
      withErrno("poll", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
  private static final MethodHandle WAITPID =
      withErrno("waitpid", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle KILL = withErrno("kill", JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle SYSCALL =
      LINKER.downcallHandle(
          SYMBOLS.findOrThrow("syscall"),
          FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
          ERRNO,
          Linker.Option.firstVariadicArg(1));

  private LibC() {}

  /** Tells whether this machine has all these functions. */
  static boolean isSupported() {
    if (!System.getProperty("os.name", "").equals("Linux") || ADDRESS.byteSize() != 8) {
      return false;
    }
    try {
      Class.forName(LibC.class.getName()); // fails when a function is missing
      try (Arena arena = Arena.ofConfined()) {
        int self = pidfdOpen(arena.allocate(STATE), Math.toIntExact(ProcessHandle.current().pid()));
        if (self < 0) { // a kernel before 5.3, or a sandbox that forbids it
          return false;
        }
        close(self);
      }
      return true;
    } catch (Throwable missing) {
      return false;
    }
  }

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... args) {
    return LINKER.downcallHandle(SYMBOLS.findOrThrow(name), FunctionDescriptor.of(result, args));
  }

  private static MethodHandle withErrno(String name, MemoryLayout result, MemoryLayout... args) {
    return LINKER.downcallHandle(
        SYMBOLS.findOrThrow(name), FunctionDescriptor.of(result, args), ERRNO);
  }

  /** Returns room for the {@code errno} of the calls of one thread. */
  static MemorySegment allocateState(Arena arena) {
    return arena.allocate(STATE);
  }

  private static int errno(MemorySegment state) {
    return (int) ERRNO_OF.get(state, 0L);
  }

  /** Returns the environment of this process as it is, with bytes that no Java string can hold. */
  static MemorySegment environment() {
    return SYMBOLS.findOrThrow("environ").reinterpret(ADDRESS.byteSize()).get(ADDRESS, 0);
  }

  /** The attributes of every child: a session of its own and no blocked signals. */
  static MemorySegment newSession(Arena arena) {
    final short setSigMask = 0x08;
    final short setSession = 0x80;
    MemorySegment attributes = arena.allocate(512, 16); // posix_spawnattr_t has 336 bytes
    MemorySegment noSignals = arena.allocate(128, 8); // an empty sigset_t is all zeros
    check((int) call(function("posix_spawnattr_init", JAVA_INT, ADDRESS), attributes));
    check(
        (int)
            call(
                function("posix_spawnattr_setflags", JAVA_INT, ADDRESS, JAVA_SHORT),
                attributes,
                (short) (setSigMask | setSession)));
    check(
        (int)
            call(
                function("posix_spawnattr_setsigmask", JAVA_INT, ADDRESS, ADDRESS),
                attributes,
                noSignals));
    return attributes;
  }

  private static Object call(MethodHandle function, Object... arguments) {
    try {
      return function.invokeWithArguments(arguments);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  private static void check(int result) {
    if (result != 0) {
      throw new IllegalStateException("a spawn attribute was refused: errno=" + result);
    }
  }

  /**
   * Starts a program with standard input from {@code input}, the two descriptors as its outputs and
   * nothing else open.
   *
   * @return the process id, or the negated error
   */
  static int spawn(
      SpawnMemory memory, MemorySegment program, MemorySegment argv, int output, int errors) {
    MemorySegment actions = memory.fileActions;
    try {
      int failed = (int) ACTIONS_INIT.invokeExact(actions);
      if (failed != 0) {
        return -failed;
      }
      try {
        int error = (int) ACTIONS_OPEN.invokeExact(actions, 0, memory.nullDevice, 0, 0);
        error |= (int) ACTIONS_DUP2.invokeExact(actions, output, 1);
        error |= (int) ACTIONS_DUP2.invokeExact(actions, errors, 2);
        error |= (int) ACTIONS_CLOSEFROM.invokeExact(actions, 3);
        if (error != 0) {
          return -Errno.ENOMEM; // the only way these calls fail
        }
        int spawned =
            (int)
                SPAWN.invokeExact(
                    memory.result, program, actions, memory.attributes, argv, memory.environment);
        return spawned == 0 ? memory.result.get(JAVA_INT, 0) : -spawned;
      } finally {
        int _ = (int) ACTIONS_DESTROY.invokeExact(actions);
      }
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  /** Makes a pipe that no child inherits. Returns 0 or the negated error. */
  static int pipe(MemorySegment state, MemorySegment twoInts) {
    try {
      int result = (int) PIPE2.invokeExact(state, twoInts, O_CLOEXEC);
      return result == 0 ? 0 : -errno(state);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  static void close(int descriptor) {
    try {
      int _ = (int) CLOSE.invokeExact(descriptor);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  /** Returns the number of bytes read, 0 at the end, or the negated error. */
  static long read(MemorySegment state, int descriptor, MemorySegment buffer) {
    try {
      long result = (long) READ.invokeExact(state, descriptor, buffer, buffer.byteSize());
      return result >= 0 ? result : -errno(state);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  /** Waits until one of the descriptors is ready; a negative time waits for ever. */
  static int poll(MemorySegment state, MemorySegment descriptors, int count, int milliseconds) {
    try {
      int result = (int) POLL.invokeExact(state, descriptors, (long) count, milliseconds);
      return result >= 0 ? result : -errno(state);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  /** Waits for the end of the child and takes its status. Returns 0 or the negated error. */
  static int waitFor(MemorySegment state, int pid, MemorySegment status) {
    try {
      int result;
      do {
        result = (int) WAITPID.invokeExact(state, pid, status, 0);
      } while (result < 0 && errno(state) == Errno.EINTR);
      return result == pid ? 0 : -errno(state);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  /** Sends a signal to a process, or to a process group when the id is negative. */
  static void kill(int pid, int signal) {
    try (Arena arena = Arena.ofConfined()) {
      int _ = (int) KILL.invokeExact(arena.allocate(STATE), pid, signal);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }

  /** Returns a descriptor that is ready when the process has exited, or the negated error. */
  static int pidfdOpen(MemorySegment state, int pid) {
    try {
      long result = (long) SYSCALL.invokeExact(state, SYS_PIDFD_OPEN, (long) pid, 0L);
      return result >= 0 ? (int) result : -errno(state);
    } catch (Throwable thrown) {
      throw new AssertionError(thrown);
    }
  }
}
