package dev.bouncer.process.worker;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.Ledger;
import dev.bouncer.process.wire.ProtocolException;
import dev.bouncer.process.wire.Slab;
import dev.bouncer.process.wire.SlabSlot;
import dev.bouncer.process.wire.WireInput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Reads what the pool sends. The thread that runs tasks does so itself whenever it has nothing to
 * run, so that a task costs no hand-over between threads. While a task takes long a second thread
 * takes its turn ({@link #takeOver}), so that a worker listens however busy it is.
 *
 * <p>The end of the stream means that the pool is gone, killed perhaps: then the worker ends at
 * once.
 */
final class PoolReader implements Runnable {
  private final FrameReader frames;
  private final FunctionTable functions;
  private final TaskLoop loop;
  private final Answers answers;

  /** Held by the thread that reads. */
  private final ReentrantLock turn = new ReentrantLock();

  private final List<TaskLoop.Arrived> batch = new ArrayList<>(); // guarded by turn

  /** The task that takes long, or 0. */
  private volatile long longTask;

  private volatile boolean ending;
  private volatile @Nullable Thread standIn;

  PoolReader(FrameReader frames, FunctionTable functions, TaskLoop loop, Answers answers) {
    this.frames = frames;
    this.functions = functions;
    this.loop = loop;
    this.answers = answers;
  }

  void start() {
    Thread started = new Thread(this, "bouncer-worker-reader");
    started.setDaemon(true);
    standIn = started;
    started.start();
  }

  /**
   * Waits for the pool to say something and does it. Called by the thread that runs tasks.
   *
   * @return false if it is not its turn: what arrives will be added to the loop
   */
  boolean receive() {
    if (!turn.tryLock()) {
      return false;
    }
    try {
      if (loop.hasNothingToDo()) { // or the stand-in has brought something just before
        read();
      }
    } finally {
      turn.unlock();
    }
    return true;
  }

  /** Whether some thread waits for the pool. */
  boolean isReading() {
    return turn.isLocked();
  }

  /** A task takes long: another thread is to listen meanwhile. */
  void takeOver(long task) {
    longTask = task;
    LockSupport.unpark(standIn);
  }

  @Override
  public void run() {
    while (!ending) {
      long task = longTask;
      if (task == 0) {
        LockSupport.park(this);
        continue;
      }
      longTask = 0;
      if (turn.tryLock()) {
        try {
          while (!ending && loop.runs(task)) {
            read();
          }
        } finally {
          turn.unlock();
          loop.wake();
        }
      }
    }
    PoolGone.awaitEnd();
  }

  private void read() {
    try {
      if (!frames.next()) {
        PoolGone.endAtOnce(WorkerMain.POOL_GONE);
      }
      handle(frames.kind(), frames.payload());
      while (!ending && frames.hasNext() && frames.next()) {
        handle(frames.kind(), frames.payload());
      }
      deliver();
    } catch (IOException | RuntimeException | Error broken) {
      try {
        System.err.println(
            "bouncer worker: ends because it cannot read what the pool sent: " + broken);
      } finally {
        PoolGone.endAtOnce(WorkerMain.BROKEN);
      }
    }
  }

  private void deliver() {
    if (!batch.isEmpty()) {
      loop.add(batch);
      batch.clear();
    }
  }

  private void handle(byte kind, WireInput payload) throws IOException {
    if (kind == FrameKind.TASK) {
      batch.add(new TaskLoop.Arrived(payload.getLong(), payload.copyOfRest(), null));
      return;
    }
    if (kind == FrameKind.TASK_WITH_SLAB) {
      SlabSlot slot = SlabSlot.read(payload);
      batch.add(new TaskLoop.Arrived(payload.getLong(), payload.copyOfRest(), slot));
      return;
    }
    deliver(); // a cancel finds the tasks that came before it
    switch (kind) {
      case FrameKind.DEFINE -> functions.define(payload.getInt(), FunctionShape.read(payload));
      case FrameKind.CANCEL -> loop.cancel(payload.getLong());
      case FrameKind.REVOKE -> loop.revoke();
      case FrameKind.KEEP_LEDGER -> {
        Path file = Path.of(payload.getString());
        inBackground(() -> keepLedger(file));
      }
      case FrameKind.SHARE_SLAB -> {
        SlabSlot slot = SlabSlot.read(payload);
        Path file = Path.of(payload.getString());
        inBackground(() -> shareSlab(file, slot));
      }
      case FrameKind.SHUTDOWN -> {
        ending = true;
        loop.end();
        LockSupport.unpark(standIn);
      }
      default -> throw new ProtocolException("kind of a frame must be known: kind=" + kind);
    }
  }

  private void keepLedger(Path file) {
    try {
      answers.keep(Ledger.map(file));
    } catch (IOException | RuntimeException impossible) {
      // Then the worker goes on without one, slower and as safe.
    }
  }

  private void shareSlab(Path file, SlabSlot slot) {
    try {
      answers.share(slot, Slab.map(file, slot));
    } catch (IOException | RuntimeException impossible) {
      answers.cannotShare(slot);
    }
  }

  /** Maps memory elsewhere: the first map of a JVM takes tens of milliseconds. */
  private static void inBackground(Runnable map) {
    Thread mapper = new Thread(map, "bouncer-worker-mapper");
    mapper.setDaemon(true);
    mapper.start();
  }
}
