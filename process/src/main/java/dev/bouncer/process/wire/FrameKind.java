package dev.bouncer.process.wire;

/** The kinds of frames, with their fields in order. */
public final class FrameKind {
  private FrameKind() {}

  /** Changes with every change of a frame; both ends must agree. */
  public static final int PROTOCOL = 3;

  /** The number of the task that prepares a worker for the others. */
  public static final long INITIALIZER = 0;

  /** The longest message of {@link #PROGRESS}, in characters. */
  public static final int MAX_PROGRESS_TEXT = 1_000;

  // ---- pool to worker

  /** Names a function for later tasks: int shape, then a {@link FunctionShape}. */
  public static final byte DEFINE = 1;

  /** Runs a task: long task, int shape, the captured values, byte hasInput, the input. */
  public static final byte TASK = 2;

  /** Revokes a task that has not started, or interrupts it: long task. */
  public static final byte CANCEL = 3;

  /** Ends the worker when it has run what it was sent. */
  public static final byte SHUTDOWN = 4;

  /** Maps a ledger and uses it from then on: string file. */
  public static final byte KEEP_LEDGER = 5;

  /** Gives back every task that has not started. */
  public static final byte REVOKE = 6;

  /** Maps a slab: byte slot, string file. */
  public static final byte SHARE_SLAB = 7;

  /** Runs a task, one value of which is in a slab: byte slot, then as in {@link #TASK}. */
  public static final byte TASK_WITH_SLAB = 8;

  // ---- worker to pool

  /** First frame of a worker: int protocol, long pid, then as in {@link #HEAP}. */
  public static final byte HELLO = 16;

  /** The task starts now: long task. */
  public static final byte STARTED = 17;

  /** The task returned: long task, int nanoseconds (saturated), the result. */
  public static final byte RESULT = 18;

  /** The task threw: long task, int nanoseconds (saturated), a {@link RemoteFailure}. */
  public static final byte FAILURE = 19;

  /** The task was taken back before it started, and never will here: long task. */
  public static final byte REVOKED = 20;

  /** How far a task is: long task, double fraction, string message. */
  public static final byte PROGRESS = 21;

  /** The worker keeps its ledger from here on; its file may be deleted. */
  public static final byte LEDGER_KEPT = 22;

  /** The slab may be used from here on, or never: byte slot, byte mapped. */
  public static final byte SLAB_SHARED = 23;

  /** The heap of the worker, in bytes: long used, long max. */
  public static final byte HEAP = 24;
}
