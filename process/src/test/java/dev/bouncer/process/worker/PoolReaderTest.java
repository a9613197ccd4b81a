package dev.bouncer.process.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.process.wire.Codecs;
import dev.bouncer.process.wire.FrameReader;
import dev.bouncer.process.wire.Slabs;
import dev.bouncer.process.wire.WireInput;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import org.junit.jupiter.api.Test;

class PoolReaderTest {
  private int reads;

  private final InputStream pool =
      new InputStream() {
        @Override
        public int read() {
          reads++;
          return -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
          return read();
        }
      };

  private final Slabs slabs = new Slabs();
  private final Answers answers =
      new Answers(OutputStream.nullOutputStream(), 1 << 20, slabs, Codecs.NONE);
  private final FunctionTable functions =
      new FunctionTable(ClassLoader.getSystemClassLoader(), slabs, Codecs.NONE);
  private final TaskLoop loop = new TaskLoop(1, functions, answers, slabs);
  private final PoolReader reader =
      new PoolReader(new FrameReader(pool, 1 << 20), functions, loop, answers);

  @Test
  void receive_whenTheStandInHasJustBroughtATask_doesNotWaitForAnother() {
    WireInput frame = new WireInput(new byte[0], 0, 0);
    loop.add(List.of(new TaskLoop.Arrived(1, frame, null)));
    assertTrue(reader.receive());
    assertEquals(0, reads);
  }

  @Test
  void receive_whenTheStandInHasJustBeenToldToEnd_doesNotWaitForMore() {
    loop.end();
    assertTrue(reader.receive());
    assertEquals(0, reads);
  }
}
