package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Permit;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Spool, console and order: where the output of a job goes. */
final class OutputTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private Console console(boolean terminal) {
    return new Console(Channels.newChannel(out), Channels.newChannel(err), terminal, terminal);
  }

  private static JobOutput output(String text) throws IOException {
    JobOutput output = new JobOutput(new MemoryBudget(1 << 20));
    output.output.accept(ByteBuffer.wrap(text.getBytes(UTF_8)));
    return output;
  }

  @Test
  void spool_beyondItsBudget_spillsAndKeepsEveryByte() throws IOException {
    Random random = new Random(7);
    for (int budget : new int[] {0, 1, 600, 100_000, 1 << 30}) {
      MemoryBudget memory = new MemoryBudget(budget);
      ByteArrayOutputStream expected = new ByteArrayOutputStream();
      try (Spool spool = new Spool(memory)) {
        assertTrue(spool.isEmpty());
        for (int i = 0; i < 50; i++) {
          byte[] bytes = new byte[random.nextInt(20_000)];
          random.nextBytes(bytes);
          expected.writeBytes(bytes);
          spool.accept(ByteBuffer.wrap(bytes));
        }
        ByteArrayOutputStream actual = new ByteArrayOutputStream();
        spool.writeTo(Channels.newChannel(actual));
        assertArrayEquals(expected.toByteArray(), actual.toByteArray());
      }
      assertTrue(memory.take(budget), "closing gives the budget back");
    }
  }

  @Test
  void spool_knowsWhetherItEndsInsideALine() throws IOException {
    try (JobOutput whole = output("a\n");
        JobOutput part = output("a\nb");
        JobOutput empty = output("")) {
      assertFalse(whole.output.endsInsideLine());
      assertTrue(part.output.endsInsideLine());
      assertFalse(empty.output.endsInsideLine());
    }
  }

  @Test
  void order_ofFinishing_doesNotMatter() throws IOException {
    Random random = new Random(3);
    for (int round = 0; round < 50; round++) {
      out.reset();
      OutputOrder order = new OutputOrder(console(false));
      List<Integer> numbers = new ArrayList<>();
      StringBuilder expected = new StringBuilder();
      for (int i = 0; i < 40; i++) {
        numbers.add(i);
        expected.append(i).append(' ');
      }
      Collections.shuffle(numbers, random);
      List<Integer> returned = new ArrayList<>();
      for (int number : numbers) {
        order.finished(number, output(number + " "), permit(() -> returned.add(number)));
      }
      assertEquals(expected.toString(), out.toString(UTF_8));
      Collections.sort(numbers);
      assertEquals(numbers, returned, "places are given back in order, each once");
    }
  }

  @Test
  void order_holdsWhatIsAheadOfTheSlowest() throws IOException {
    OutputOrder order = new OutputOrder(console(false));
    List<Integer> returned = new ArrayList<>();
    order.finished(1, output("b"), permit(() -> returned.add(1)));
    assertEquals("", out.toString(UTF_8));
    assertEquals(List.of(), returned);
    order.finished(0, output("a"), permit(() -> returned.add(0)));
    assertEquals("ab", out.toString(UTF_8));
    assertEquals(List.of(0, 1), returned);
  }

  private static Permit permit(Runnable closed) {
    return new Permit() {
      @Override
      public int weight() {
        return 1;
      }

      @Override
      public void close() {
        closed.run();
      }
    };
  }

  @Test
  void status_isErasedBeforeOutputAndNeverInIt() throws IOException {
    Console console = console(true);
    console.status("working");
    try (JobOutput job = output("result\n")) {
      console.write(job);
    }
    console.status("still working");
    console.endStatus();
    console.status("too late");
    assertEquals("result\n", out.toString(UTF_8));
    assertEquals("\r\033[Kworking\r\033[K\r\033[Kstill working\r\033[K", err.toString(UTF_8));
  }

  @Test
  void status_afterOutputWithoutNewline_startsALineOfItsOwn() throws IOException {
    Console console = console(true);
    try (JobOutput job = output("no newline")) {
      console.write(job);
    }
    console.status("working");
    assertEquals("\n\r\033[Kworking", err.toString(UTF_8));
  }

  @Test
  void closedErrors_stopNothing_closedOutputDoes() throws IOException {
    OutputStream closed =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("Broken pipe");
          }
        };
    Console mute = new Console(Channels.newChannel(out), Channels.newChannel(closed), false, true);
    try (JobOutput job = output("x")) {
      job.errors.accept(ByteBuffer.wrap(new byte[] {'e'}));
      mute.write(job);
    }
    mute.message("nobody hears");
    mute.status("nobody sees");
    assertEquals("x", out.toString(UTF_8));
    Console broken =
        new Console(Channels.newChannel(closed), Channels.newChannel(err), false, false);
    try (JobOutput job = output("x")) {
      assertThrows(IOException.class, () -> broken.write(job));
    }
  }
}
