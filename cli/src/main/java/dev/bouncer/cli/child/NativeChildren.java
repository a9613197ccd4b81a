package dev.bouncer.cli.child;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * Children started by {@code posix_spawn}, about twice as fast as {@link ProcessBuilder}: no copy
 * of this process's page tables, no helper program in between.
 *
 * <p>Each child leads a session of its own. It is waited for only when no signal can follow, so
 * that its id cannot pass to a stranger in between.
 */
final class NativeChildren implements Children {
  private static final Duration CLEANUP = Duration.ofMillis(200);

  private final ThreadLocal<SpawnMemory> memory = ThreadLocal.withInitial(SpawnMemory::new);
  private final Set<Integer> leaders = ConcurrentHashMap.newKeySet();

  /** Spawning and waiting share it; closing holds it alone, so that it sees every child. */
  private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();

  private boolean closed; // guarded by gate

  static boolean isSupported() {
    return LibC.isSupported();
  }

  @Override
  public int running() {
    return leaders.size();
  }

  @Override
  public Ending run(
      List<byte[]> arguments, ByteSink output, ByteSink errors, @Nullable Duration timeout)
      throws ChildrenClosedException {
    SpawnMemory own = memory.get();
    int result;
    do {
      result = spawn(own, arguments);
    } while (result < 0 && Errno.isShortage(-result) && awaitSomeEnd());
    if (result < 0) {
      int errno = -result;
      boolean hopeless = errno != Errno.E2BIG && !Errno.isShortage(errno);
      return new Ending.NotStarted(Errno.describe(errno), hopeless);
    }
    int pid = result;
    int out = own.polled.get(JAVA_INT, 0);
    int err = own.polled.get(JAVA_INT, 8);
    Watch watch = new Watch(pid, out, err, own, output, errors, timeout);
    Ending killed = watch.untilEnd();
    int status = reap(own, pid);
    return killed != null ? killed : ending(status);
  }

  /** Waits a moment if there is another child whose end could free what is short. */
  private boolean awaitSomeEnd() {
    if (leaders.isEmpty()) {
      return false;
    }
    LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
    return true;
  }

  /** Returns the process id, with the ends to read from in {@code polled}, or a negated error. */
  private int spawn(SpawnMemory own, List<byte[]> arguments) throws ChildrenClosedException {
    int failed = LibC.pipe(own.state, own.pipe);
    if (failed != 0) {
      return failed;
    }
    int readOutput = own.pipe.getAtIndex(JAVA_INT, 0);
    int writeOutput = own.pipe.getAtIndex(JAVA_INT, 1);
    failed = LibC.pipe(own.state, own.pipe);
    if (failed != 0) {
      LibC.close(readOutput);
      LibC.close(writeOutput);
      return failed;
    }
    int readErrors = own.pipe.getAtIndex(JAVA_INT, 0);
    int writeErrors = own.pipe.getAtIndex(JAVA_INT, 1);
    boolean started = false;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argv = SpawnMemory.argv(arena, arguments);
      MemorySegment program = argv.getAtIndex(java.lang.foreign.ValueLayout.ADDRESS, 0);
      int pid = spawnOpen(own, program, argv, writeOutput, writeErrors);
      started = pid > 0;
      if (started) {
        own.polled.set(JAVA_INT, 0, readOutput);
        own.polled.set(JAVA_INT, 8, readErrors);
      }
      return pid;
    } finally {
      LibC.close(writeOutput);
      LibC.close(writeErrors);
      if (!started) {
        LibC.close(readOutput);
        LibC.close(readErrors);
      }
    }
  }

  private int spawnOpen(
      SpawnMemory own, MemorySegment program, MemorySegment argv, int output, int errors)
      throws ChildrenClosedException {
    gate.readLock().lock();
    try {
      if (closed) {
        throw new ChildrenClosedException();
      }
      int pid = LibC.spawn(own, program, argv, output, errors);
      if (pid > 0) {
        leaders.add(pid);
      }
      return pid;
    } finally {
      gate.readLock().unlock();
    }
  }

  private int reap(SpawnMemory own, int pid) throws ChildrenClosedException {
    gate.readLock().lock();
    try {
      if (closed) {
        throw new ChildrenClosedException(); // the one who closes may still send it signals
      }
      int failed = LibC.waitFor(own.state, pid, own.result);
      leaders.remove(pid);
      if (failed != 0) {
        throw new IllegalStateException(
            "a child must be waited for once: pid=" + pid + " errno=" + -failed);
      }
      return own.result.get(JAVA_INT, 0);
    } finally {
      gate.readLock().unlock();
    }
  }

  /** Reads what {@code waitpid} reported. */
  private static Ending ending(int status) {
    int signal = status & 0x7f;
    return signal == 0 ? new Ending.Exited((status >> 8) & 0xff) : new Ending.Signalled(signal);
  }

  @Override
  public int close(Duration grace) {
    gate.writeLock().lock();
    try {
      if (closed) {
        return 0;
      }
      closed = true;
    } finally {
      gate.writeLock().unlock();
    }
    // From here on no child is started or waited for: the leaders stay what they are.
    int running = leaders.size();
    if (running > 0) {
      ProcessTree tree = new ProcessTree(leaders);
      tree.signal(Signals.TERM);
      tree.signal(Signals.CONT); // a stopped process gets its TERM only when it goes on
      if (!endsWithin(tree, grace)) {
        long end = System.nanoTime() + CLEANUP.toNanos();
        do {
          tree.signal(Signals.KILL);
        } while (!endsWithin(tree, Duration.ofMillis(20)) && System.nanoTime() - end < 0);
      }
    }
    return running;
  }

  private static boolean endsWithin(ProcessTree tree, Duration time) {
    long end = System.nanoTime() + time.toNanos();
    while (tree.isAlive()) {
      if (System.nanoTime() - end >= 0) {
        return false;
      }
      LockSupport.parkNanos(Duration.ofMillis(5).toNanos());
    }
    return true;
  }

  /** Kills one tree at once, also what it starts meanwhile. */
  static void kill(ProcessTree tree) {
    tree.signal(Signals.KILL);
    if (tree.isAlive()) { // dying, or started between the look and the signal
      tree.signal(Signals.KILL);
    }
  }
}
