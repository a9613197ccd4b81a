package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.bouncer.process.wire.FrameKind;
import dev.bouncer.process.wire.WireOutput;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tasks that get at the pipes of their worker: what they can hurt is themselves. */
@NullUnmarked
class HostileWorkerTest {
  private static final long GIVE_UP_SECONDS = 60;

  private static ProcessPool pool;

  @TempDir Path folder;

  @BeforeAll
  static void makePool() {
    assumeTrue(Files.exists(Path.of("/proc/self/fd")), "needs a system that names descriptors");
    pool =
        ProcessPool.builder()
            .maxWorkers(1)
            .output(WorkerOutput.DISCARD)
            .jvmOptions("--add-opens=java.base/java.io=ALL-UNNAMED")
            .build();
  }

  @AfterAll
  static void closePool() {
    if (pool != null) {
      pool.close();
    }
  }

  /** What a task writes to its pool. The number of the first task of a worker is not known. */
  @SuppressWarnings("ImmutableEnumChecker")
  enum Lie {
    LENGTH_BELOW_ZERO(output -> output.putInt(-1)),
    LENGTH_BEYOND_THE_BOUND(output -> output.putInt(Integer.MAX_VALUE)),
    FRAME_OF_UNKNOWN_KIND(output -> frame(output, (byte) 99, 0)),
    FRAME_WITHOUT_ITS_FIELDS(output -> frame(output, FrameKind.RESULT, 0)),
    RESULT_OF_A_TASK_THAT_IS_NOT_DUE(output -> frame(output, FrameKind.RESULT, 2)),
    TASK_GIVEN_BACK_THAT_IS_UNKNOWN(output -> frame(output, FrameKind.REVOKED, 1)),
    SECOND_HELLO(output -> {
      output.begin(FrameKind.HELLO);
      output.putInt(FrameKind.PROTOCOL);
      output.putLong(1);
      output.putLong(1);
      output.putLong(1);
      output.end();
    }),
    LEDGER_THAT_WAS_NOT_OFFERED(output -> frame(output, FrameKind.LEDGER_KEPT, 0)),
    SLAB_THAT_WAS_NOT_OFFERED(output -> {
      output.begin(FrameKind.SLAB_SHARED);
      output.putByte(5);
      output.putByte(1);
      output.end();
    }),
    PROGRESS_THAT_IS_NO_NUMBER(output -> {
      output.begin(FrameKind.PROGRESS);
      output.putLong(1);
      output.putLong(Double.doubleToRawLongBits(Double.NaN));
      output.putString("nearly");
      output.end();
    }),
    PROGRESS_THAT_IS_A_NOVEL(output -> {
      output.begin(FrameKind.PROGRESS);
      output.putLong(1);
      output.putLong(Double.doubleToRawLongBits(0.5));
      output.putString("and then ".repeat(10_000));
      output.end();
    }),
    HEAP_FULLER_THAN_FULL(output -> {
      output.begin(FrameKind.HEAP);
      output.putLong(2);
      output.putLong(1);
      output.end();
    });

    final Consumer<WireOutput> writer;

    Lie(Consumer<WireOutput> writer) {
      this.writer = writer;
    }

    private static void frame(WireOutput output, byte kind, int longs) {
      output.begin(kind);
      for (int i = 0; i < longs; i++) {
        output.putLong(Long.MAX_VALUE);
      }
      output.end();
    }
  }

  @ParameterizedTest
  @EnumSource
  void worker_thatLiesToItsPool_isKilledAndItsTaskFails(Lie lie) throws Exception {
    WireOutput output = new WireOutput(64);
    lie.writer.accept(output);
    byte[] bytes = output.toBytes();
    long pid = pool.submit(Tasks::pid).get();
    var task = pool.submit(() -> write(bytes));
    var thrown =
        assertThrows(ExecutionException.class, () -> task.get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
    var crash = assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
    assertNotNull(crash.getCause(), "the reason: " + crash);
    assertEquals(pid, crash.pid());
    Await.untilGone(pid);
    assertNotEquals(pid, pool.submit(Tasks::pid).get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
  }

  @Test
  void worker_thatGivesATaskBackThatItRuns_isKilledAndTheTaskNotRunAgain() throws Exception {
    String runs = folder.toString();
    var task = pool.submit(() -> giveBackOwnTask(runs));
    var thrown =
        assertThrows(ExecutionException.class, () -> task.get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
    assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
    assertEquals(1, pool.submit(() -> 1).get());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void worker_thatClosesItsDescriptors_isKilledAndItsTaskFails() throws Exception {
    for (int channel : new int[] {3, 4}) {
      long pid = pool.submit(Tasks::pid).get();
      var task = pool.submit(() -> closeAllLike(channel));
      if (channel == 4) {
        var thrown =
            assertThrows(
                ExecutionException.class, () -> task.get(GIVE_UP_SECONDS, TimeUnit.SECONDS));
        assertInstanceOf(WorkerCrashedException.class, thrown.getCause());
      } else { // it still can answer, but hears nothing any more
        assertTrue(task.get(GIVE_UP_SECONDS, TimeUnit.SECONDS) > 0);
      }
      Await.until(
          "another worker answers",
          () -> {
            try {
              return pool.submit(Tasks::pid).get(GIVE_UP_SECONDS, TimeUnit.SECONDS) != pid;
            } catch (ExecutionException lostWithIt) {
              return false;
            }
          });
      Await.untilGone(pid);
    }
  }

  private static long write(byte[] bytes) throws Exception {
    try (FileOutputStream toPool = new FileOutputStream("/dev/fd/4")) {
      toPool.write(bytes);
    }
    new CountDownLatch(1).await();
    return 0;
  }

  private static long giveBackOwnTask(String runs) throws Exception {
    Files.createTempFile(Path.of(runs), "run", "");
    WireOutput output = new WireOutput(64);
    output.begin(FrameKind.REVOKED);
    output.putLong(TaskContext.current().taskId());
    output.end();
    return write(output.toBytes());
  }

  /** Closes a descriptor and all others of the same pipe; returns how many. */
  private static int closeAllLike(int descriptor) throws Exception {
    Path all = Path.of("/proc/self/fd");
    Path pipe = Files.readSymbolicLink(all.resolve("" + descriptor));
    Constructor<FileDescriptor> make = FileDescriptor.class.getDeclaredConstructor(int.class);
    make.setAccessible(true);
    List<Path> open;
    try (Stream<Path> list = Files.list(all)) {
      open = list.toList();
    }
    int closed = 0;
    for (Path one : open) {
      if (isSame(one, pipe)) {
        new FileOutputStream(make.newInstance(Integer.parseInt(one.getFileName().toString())))
            .close();
        closed++;
      }
    }
    return closed;
  }

  private static boolean isSame(Path link, Path target) throws IOException {
    try {
      return Files.readSymbolicLink(link).equals(target);
    } catch (NoSuchFileException closedMeanwhile) {
      return false;
    }
  }
}
