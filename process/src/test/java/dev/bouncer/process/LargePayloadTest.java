package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Job;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Inputs and results that go through shared memory, and what happens when there is none. */
@NullUnmarked
class LargePayloadTest {
  @TempDir Path folder;

  private static ProcessPool pool(int workers, MemoryFolder memory) {
    return ProcessPool.builder()
        .maxWorkers(workers)
        .maxHeap(256 << 20)
        .output(WorkerOutput.DISCARD)
        .memoryFolder(memory)
        .build();
  }

  private static byte[] content(int size, int seed) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.toList();
    }
  }

  private static byte[] invert(byte[] bytes) {
    byte[] inverted = bytes.clone();
    for (int i = 0; i < inverted.length; i++) {
      inverted[i] ^= -1;
    }
    return inverted;
  }

  private static void assertInverted(byte[] before, byte[] after) {
    assertArrayEquals(invert(before), after);
  }

  /** Sends values of all sizes both ways. */
  private static void exchange(ProcessPool pool) throws Exception {
    for (int size : new int[] {100, 64 << 10, 1 << 20, 3 << 20, 10 << 20, 17 << 20}) {
      byte[] input = content(size, size);
      for (int i = 0; i < 3; i++) {
        assertInverted(input, pool.submit((byte[] bytes) -> invert(bytes), input).get());
      }
    }
    String text = "grüße ".repeat(50_000);
    List<String> list = new ArrayList<>(List.of(text, text));
    for (int i = 0; i < 3; i++) {
      assertEquals(text + "!", pool.submit((String s) -> s + "!", text).get());
      assertEquals(list, pool.submit((List<String> l) -> new ArrayList<>(l), list).get());
    }
  }

  private static void awaitSharedMemory(ProcessPool pool, MemoryFolder memory) throws Exception {
    byte[] input = content(1 << 20, 1);
    long both = 2L << 20;
    Await.until(
        "there are slabs in both directions",
        () -> {
          assertInverted(input, pool.submit((byte[] bytes) -> invert(bytes), input).get());
          return memory.takenBytes() > both;
        });
  }

  @Test
  void values_largeOnesBothWays_arriveWholeAndTheMemoryIsGivenBack() throws Exception {
    MemoryFolder memory = new MemoryFolder(folder, Long.MAX_VALUE);
    try (var pool = pool(1, memory)) {
      awaitSharedMemory(pool, memory);
      Await.until("the files have no names any more", () -> files().isEmpty());
      exchange(pool);
    }
    assertEquals(List.of(), files());
    assertEquals(0, memory.takenBytes());
  }

  @Test
  void captured_largeValues_goThroughSharedMemoryBesideOthers() throws Exception {
    MemoryFolder memory = new MemoryFolder(folder, Long.MAX_VALUE);
    try (var pool = pool(1, memory)) {
      byte[] large = content(1 << 20, 1);
      int expected = Arrays.hashCode(large);
      String before = "before";
      List<Integer> after = List.of(1, 2);
      Await.until(
          "there is a slab for what goes to the worker",
          () -> {
            assertEquals(expected, pool.submit(() -> Arrays.hashCode(large)).get());
            return memory.takenBytes() > 1 << 20;
          });
      String text = "grüße ".repeat(20_000); // now the input is large, too, but not as large
      for (int i = 0; i < 5; i++) {
        assertEquals(
            before + expected + text + after,
            pool.submit((String end) -> before + Arrays.hashCode(large) + end + after, text).get());
        assertEquals(
            text + Arrays.hashCode(large),
            pool.submit((byte[] bytes) -> text + Arrays.hashCode(bytes), large).get());
      }
    }
    assertEquals(0, memory.takenBytes());
  }

  /** Cannot be made in a worker, where the class of the lambda fails to initialise. */
  private static final class FailsInWorkers {
    static {
      if (System.getProperty("dev.bouncer.process.worker") != null) {
        throw new IllegalStateException("not here");
      }
    }

    static Job<Integer> lengthOf(byte[] bytes) {
      return () -> bytes.length;
    }
  }

  @Test
  void captured_largeValuesOfFunctionsThatCannotBeMade_leaveTheMemoryToOthers() throws Exception {
    MemoryFolder memory = new MemoryFolder(folder, Long.MAX_VALUE);
    try (var pool = pool(1, memory)) {
      awaitSharedMemory(pool, memory);
      byte[] large = content(1 << 20, 1);
      for (int i = 0; i < 5; i++) {
        var doomed = pool.submit(FailsInWorkers.lengthOf(large));
        var next = pool.submit((byte[] bytes) -> invert(bytes), large);
        assertThrows(ExecutionException.class, doomed::get);
        assertInverted(large, next.get());
      }
    }
    assertEquals(0, memory.takenBytes());
  }

  @Test
  void memory_thatIsFull_isDoneWithout() throws Exception {
    MemoryFolder full = new MemoryFolder(folder, 0);
    try (var pool = pool(1, full)) {
      exchange(pool);
      List<CompletableFuture<Integer>> tiny = new ArrayList<>();
      for (int i = 0; i < 5_000; i++) {
        tiny.add(pool.submit((Integer n) -> n + 1, i));
      }
      for (int i = 0; i < 5_000; i++) {
        assertEquals(i + 1, tiny.get(i).get());
      }
      assertEquals(0, pool.stats().failed());
    }
    assertEquals(List.of(), files());
    assertEquals(0, full.takenBytes());
  }

  @Test
  void memory_withRoomForALedgerOnly_givesNoSlab() throws Exception {
    MemoryFolder small = new MemoryFolder(folder, 200_000);
    try (var pool = pool(1, small)) {
      exchange(pool);
      assertTrue(small.takenBytes() <= 200_000);
    }
    assertEquals(0, small.takenBytes());
  }

  @Test
  void memory_whoseFolderIsMissing_isDoneWithout() throws Exception {
    MemoryFolder missing = new MemoryFolder(folder.resolve("missing"), Long.MAX_VALUE);
    try (var pool = pool(1, missing)) {
      exchange(pool);
    }
    assertEquals(0, missing.takenBytes());
  }

  @Test
  void largeTasks_cancelledAtEveryStage_leaveTheMemoryToTheOthers() throws Exception {
    MemoryFolder memory = new MemoryFolder(folder, Long.MAX_VALUE);
    try (var pool = pool(2, memory)) {
      awaitSharedMemory(pool, memory);
      List<byte[]> inputs = new ArrayList<>();
      List<CompletableFuture<byte[]>> futures = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        inputs.add(content(70_000 + i, i));
        futures.add(pool.submit((byte[] bytes) -> invert(bytes), inputs.get(i)));
        if (i % 3 == 0) {
          var _ = futures.get(i / 2).cancel(true);
        }
      }
      for (int i = 0; i < futures.size(); i++) {
        if (!futures.get(i).isCancelled()) {
          assertInverted(inputs.get(i), futures.get(i).get(60, TimeUnit.SECONDS));
        }
      }
    }
    assertEquals(0, memory.takenBytes());
    assertEquals(List.of(), files());
  }

  @Test
  void workers_killedWhileLargeValuesTravel_leaveWholeResultsAndNoMemory() throws Exception {
    MemoryFolder memory = new MemoryFolder(folder, Long.MAX_VALUE);
    Random random = new Random(42);
    int crashed = 0;
    try (var pool = pool(2, memory)) {
      for (int round = 0; round < 6; round++) {
        awaitSharedMemory(pool, memory);
        List<byte[]> inputs = new ArrayList<>();
        List<CompletableFuture<byte[]>> futures = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
          inputs.add(content(1 << 20, i));
          futures.add(pool.submit((byte[] bytes) -> invert(bytes), inputs.get(i)));
        }
        var _ = futures.get(random.nextInt(10)).handle((result, failure) -> 0).join();
        for (WorkerInfo worker : pool.workers()) {
          worker.pid().stream()
              .forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
        }
        for (int i = 0; i < futures.size(); i++) {
          try {
            byte[] result = futures.get(i).get(60, TimeUnit.SECONDS);
            assertTrue(Arrays.equals(invert(inputs.get(i)), result), "result " + i);
          } catch (ExecutionException failure) {
            assertInstanceOf(WorkerCrashedException.class, failure.getCause());
            crashed++;
          }
        }
      }
    }
    assertTrue(crashed <= 12, "a kill takes one task: crashed=" + crashed);
    assertEquals(0, memory.takenBytes());
    assertEquals(List.of(), files());
  }
}
