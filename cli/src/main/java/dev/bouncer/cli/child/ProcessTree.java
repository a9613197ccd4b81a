package dev.bouncer.cli.child;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything that some children started, on Linux.
 *
 * <p>A signal to the process group reaches most of a tree, but not a process that made a group of
 * its own (as {@code timeout} and interactive shells do) or a session of its own ({@code setsid}).
 * So a process belongs to the tree when its session is that of a leader, or when one of its
 * ancestors belongs to it. Members once seen are remembered, because the chain of ancestors breaks
 * when one of them dies. What left the session <i>and</i> lost its parent before the first look, a
 * real daemon, is out of reach.
 *
 * <p>The leaders are children that nobody has waited for yet: a process that is dead but not waited
 * for keeps its id, so that no signal can hit a stranger with the same number.
 */
final class ProcessTree {
  private static final Path PROC = Path.of("/proc");

  private final Set<Integer> leaders;

  /** Process id to start time: both together name one process for ever. */
  private final Map<Integer, Long> members = new HashMap<>();

  /** One process as {@code /proc} shows it. */
  private record Entry(int parent, int group, int session, long startTime, char state) {
    boolean isAlive() {
      return state != 'Z' && state != 'X';
    }
  }

  ProcessTree(Collection<Integer> leaders) {
    this.leaders = new HashSet<>(leaders);
    look();
  }

  /** Sends a signal to everything in the tree as it is now. */
  void signal(int signal) {
    Map<Integer, Entry> processes = look();
    for (int leader : leaders) {
      LibC.kill(-leader, signal); // the group, atomically
    }
    members.forEach((pid, startTime) -> {
      Entry entry = processes.get(pid);
      if (entry != null && entry.startTime == startTime && !leaders.contains(entry.group)) {
        LibC.kill(pid, signal);
      }
    });
  }

  /** Tells whether a process of the tree is alive; a dead one that nobody waited for is not. */
  boolean isAlive() {
    Map<Integer, Entry> processes = look();
    for (Map.Entry<Integer, Long> member : members.entrySet()) {
      Entry entry = processes.get(member.getKey());
      if (entry != null && entry.startTime == member.getValue() && entry.isAlive()) {
        return true;
      }
    }
    return false;
  }

  /** Adds what was started since, and returns all processes of the machine. */
  private Map<Integer, Entry> look() {
    Map<Integer, Entry> processes = new HashMap<>();
    try (DirectoryStream<Path> directories = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path directory : directories) {
        Entry entry = read(directory.resolve("stat"));
        if (entry != null) {
          processes.put(Integer.valueOf(directory.getFileName().toString()), entry);
        }
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException unreadable) {
      // Without /proc the groups of the leaders still get their signals.
    }
    processes.forEach((pid, entry) -> {
      if (belongs(pid, processes)) {
        members.put(pid, entry.startTime);
      }
    });
    return processes;
  }

  private boolean belongs(int pid, Map<Integer, Entry> processes) {
    int ancestor = pid;
    for (int depth = 0;
        depth < 1000;
        depth++) { // /proc is read piece by piece: no cycle is certain
      Entry entry = processes.get(ancestor);
      if (entry == null) {
        return false;
      }
      if (leaders.contains(entry.session)) {
        return true;
      }
      Long knownSince = members.get(ancestor);
      if (knownSince != null && knownSince == entry.startTime) {
        return true;
      }
      ancestor = entry.parent;
    }
    return false;
  }

  private static @Nullable Entry read(Path stat) {
    try {
      // pid (name) state ppid pgrp session … starttime is the 22nd; the name may hold anything
      String line = new String(Files.readAllBytes(stat), StandardCharsets.ISO_8859_1);
      String[] fields = line.substring(line.lastIndexOf(')') + 2).split(" ", -1);
      return new Entry(
          Integer.parseInt(fields[1]),
          Integer.parseInt(fields[2]),
          Integer.parseInt(fields[3]),
          Long.parseLong(fields[19]),
          fields[0].charAt(0));
    } catch (IOException | RuntimeException gone) {
      return null; // it ended while we looked
    }
  }
}
