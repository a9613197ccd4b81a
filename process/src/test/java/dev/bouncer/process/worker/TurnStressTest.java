package dev.bouncer.process.worker;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Job;
import dev.bouncer.process.wire.Codecs;
import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.FunctionShape;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.ValueWriter;
import dev.bouncer.process.wire.WireOutput;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * The two threads of a worker that take turns at its pipe, with a stand-in that is called at every
 * moment, the worst ones included: no task may be left in the pipe while both believe that the
 * other one reads.
 */
class TurnStressTest {
  private static final int TASKS = 5_000;

  /** A pipe in memory that never ends; read by whoever has the turn. */
  private static final class Pipe extends InputStream {
    private final LinkedBlockingQueue<byte[]> written = new LinkedBlockingQueue<>();
    private byte[] current = new byte[0];
    private int position;

    @Override
    public int available() {
      return current.length - position + written.size();
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      if (position == current.length) {
        try {
          current = written.take();
        } catch (InterruptedException stray) {
          throw new IOException(stray);
        }
        position = 0;
      }
      int count = Math.min(length, current.length - position);
      System.arraycopy(current, position, target, offset, count);
      position += count;
      return count;
    }

    @Override
    public int read() {
      throw new UnsupportedOperationException();
    }
  }

  /** Counts the results; without a ledger each frame is written by itself. */
  private static final class Results extends OutputStream {
    final Semaphore arrived = new Semaphore(0);

    @Override
    public void write(byte[] source, int offset, int length) {
      if (source[offset + Integer.BYTES] == FrameKind.RESULT) {
        arrived.release();
      }
    }

    @Override
    public void write(int value) {
      throw new UnsupportedOperationException();
    }
  }

  private static void addTask(WireOutput output, long id, long nanos) throws IOException {
    Job<Long> work =
        () -> {
          long start = System.nanoTime();
          while (System.nanoTime() - start < nanos) {
            Thread.onSpinWait();
          }
          return nanos;
        };
    output.begin(FrameKind.TASK);
    output.putLong(id);
    output.putInt(FunctionShape.OBJECT);
    ValueWriter.PLAIN.write(output, work);
    output.putByte(0);
    output.end();
  }

  @Test
  void everyTask_isRun_howeverOftenTheStandInIsCalled() throws Exception {
    Pipe pipe = new Pipe();
    Results results = new Results();
    Slabs slabs = new Slabs();
    Answers answers = new Answers(results, 1 << 20, slabs, Codecs.NONE);
    FunctionTable functions =
        new FunctionTable(TurnStressTest.class.getClassLoader(), slabs, Codecs.NONE);
    TaskLoop loop = new TaskLoop(1, functions, answers, slabs);
    PoolReader reader = new PoolReader(new FrameReader(pipe, 1 << 20), functions, loop, answers);
    Heartbeat heartbeat = new Heartbeat(answers, reader);
    reader.start();
    heartbeat.start();
    var _ = daemon(() -> loop.run(reader, heartbeat));
    AtomicLong latest = new AtomicLong();
    Thread caller =
        daemon(() -> {
          while (!Thread.currentThread().isInterrupted()) {
            reader.takeOver(latest.get());
            Thread.onSpinWait();
          }
        });
    Random random = new Random(7);
    try {
      for (int sent = 0; sent < TASKS; ) {
        int together = 1 + random.nextInt(3);
        WireOutput output = new WireOutput(1_024);
        for (int i = 0; i < together; i++) {
          addTask(output, ++sent, random.nextInt(40_000));
        }
        latest.set(sent - random.nextInt(together));
        byte[] bytes = output.toBytes();
        int cut = random.nextInt(bytes.length);
        pipe.written.add(Arrays.copyOf(bytes, cut + 1));
        if (cut + 1 < bytes.length) {
          pipe.written.add(Arrays.copyOfRange(bytes, cut + 1, bytes.length));
        }
        boolean all = results.arrived.tryAcquire(together, 60, TimeUnit.SECONDS);
        assertTrue(all, "a task was never run: sent=" + sent);
      }
    } finally {
      caller.interrupt();
    }
  }

  private static Thread daemon(Runnable body) {
    Thread thread = new Thread(body);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
