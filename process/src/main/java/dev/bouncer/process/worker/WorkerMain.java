package dev.bouncer.process.worker;

import dev.bouncer.process.wire.Codecs;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.WireOutput;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** The main class of a worker. */
public final class WorkerMain {
  private WorkerMain() {}

  /**
   * The system property that marks a JVM as a worker, with the number of the worker as its value. A
   * pool must not be made where it is set: the class that makes one in a static initialiser would
   * otherwise make another one in each of its workers, without end.
   */
  public static final String MARKER = "dev.bouncer.process.worker";

  /** Set to {@code stdio} where the protocol has no descriptors of its own. */
  public static final String CHANNEL = "dev.bouncer.process.channel";

  /** The largest frame that the pool accepts, in bytes. */
  public static final String MAX_FRAME = "dev.bouncer.process.maxFrame";

  /** The codecs that the pool and its workers use. */
  public static final String CODECS = "dev.bouncer.process.codecs";

  /** Exit code of a worker that lost its pool. */
  static final int POOL_GONE = 90;

  /** Exit code of a worker that does not understand its pool. */
  static final int BROKEN = 91;

  /**
   * Runs tasks until the pool ends the worker or is gone.
   *
   * @param arguments the file of arguments that the JVM was started with, to be deleted
   * @throws IOException if the pool cannot be reached
   */
  public static void main(String[] arguments) throws IOException {
    for (String argumentFile : arguments) {
      var _ = new File(argumentFile).delete();
    }
    int id = Integer.parseInt(System.getProperty(MARKER, "0"));
    int maxFrame = Integer.getInteger(MAX_FRAME, WireOutput.MAX_BYTES);
    boolean stdio = "stdio".equals(System.getProperty(CHANNEL));
    InputStream fromPool = stdio ? takeStandardInput() : new FileInputStream("/dev/fd/3");
    OutputStream toPool = stdio ? takeStandardOutput() : new FileOutputStream("/dev/fd/4");

    ClassLoader loader = ClassLoader.getSystemClassLoader();
    Codecs codecs = codecs(loader);
    Slabs slabs = new Slabs();
    Answers answers = new Answers(toPool, maxFrame, slabs, codecs);
    FunctionTable functions = new FunctionTable(loader, slabs, codecs);
    TaskLoop loop = new TaskLoop(id, functions, answers, slabs);
    FrameReader frames = new FrameReader(fromPool, WireOutput.MAX_BYTES);
    PoolReader reader = new PoolReader(frames, functions, loop, answers);
    Heartbeat heartbeat = new Heartbeat(answers, reader);
    answers.hello();
    reader.start();
    heartbeat.start();

    Thread.currentThread().setName("bouncer-worker-" + id);
    loop.run(reader, heartbeat);
    System.exit(0); // runs the shutdown hooks of the tasks, and does not wait for their threads
  }

  /** Makes the pool's codecs; the worker is of no use without them. */
  private static Codecs codecs(ClassLoader loader) {
    try {
      return Codecs.load(System.getProperty(CODECS, ""), loader);
    } catch (IOException impossible) {
      System.err.println("bouncer worker: cannot start: " + impossible.getMessage());
      Runtime.getRuntime().halt(BROKEN);
      throw new AssertionError(impossible);
    }
  }

  /**
   * Where a shell cannot move the protocol to descriptors of its own, it takes standard input and
   * output; tasks then print to standard error. Only what native code prints can still hurt it.
   */
  private static InputStream takeStandardInput() {
    System.setIn(InputStream.nullInputStream());
    return new FileInputStream(FileDescriptor.in);
  }

  private static OutputStream takeStandardOutput() {
    System.setOut(System.err);
    return new FileOutputStream(FileDescriptor.out);
  }
}
