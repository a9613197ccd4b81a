package dev.bouncer.cli.child;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The native memory that one thread needs to start and watch one child after the other. */
final class SpawnMemory {
  private static final int READ_BYTES = 64 * 1024; // what a pipe holds at most by default

  final MemorySegment nullDevice;
  final MemorySegment attributes;
  final MemorySegment environment;
  final MemorySegment fileActions;
  final MemorySegment result;
  final MemorySegment state;
  final MemorySegment pipe;
  final MemorySegment polled;
  final MemorySegment buffer;

  SpawnMemory() {
    Arena arena = Arena.ofAuto();
    nullDevice = arena.allocateFrom("/dev/null");
    attributes = LibC.newSession(arena);
    environment = LibC.environment();
    fileActions = arena.allocate(256, 16); // posix_spawn_file_actions_t has 80 bytes
    result = arena.allocate(JAVA_INT);
    state = LibC.allocateState(arena);
    pipe = arena.allocate(JAVA_INT, 2);
    polled = arena.allocate(8L * 3, 4);
    buffer = arena.allocate(READ_BYTES);
  }

  /** Returns the arguments as C wants them: an array of pointers that a null pointer ends. */
  static MemorySegment argv(Arena arena, List<byte[]> arguments) {
    MemorySegment argv = arena.allocate(ADDRESS, arguments.size() + 1L);
    for (int i = 0; i < arguments.size(); i++) {
      byte[] argument = arguments.get(i);
      MemorySegment text = arena.allocate(argument.length + 1L);
      MemorySegment.copy(
          argument, 0, text, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, argument.length);
      argv.setAtIndex(ADDRESS, i, text);
    }
    return argv;
  }
}
