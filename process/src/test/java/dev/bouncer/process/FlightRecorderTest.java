package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import jdk.jfr.consumer.RecordingStream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Flight Recorders see: that of the JVM with the pool, and those of its workers. */
@NullUnmarked
class FlightRecorderTest {
  @TempDir Path folder;

  @Test
  void recording_ofThePool_showsWorkersAndTasks() throws Exception {
    ConcurrentLinkedQueue<RecordedEvent> events = new ConcurrentLinkedQueue<>();
    long pid;
    try (RecordingStream stream = new RecordingStream()) {
      stream.setReuse(false);
      stream.enable("dev.bouncer.WorkerStart");
      stream.enable("dev.bouncer.WorkerEnd");
      stream.enable("dev.bouncer.WorkerHeap");
      stream.enable("dev.bouncer.ProcessTask").withThreshold(Duration.ZERO);
      stream.onEvent(events::add);
      stream.startAsync();
      try (var pool =
          ProcessPool.builder()
              .name("recorded")
              .maxWorkers(1)
              .output(WorkerOutput.DISCARD)
              .build()) {
        pid = pool.submit(() -> Tasks.pid()).get();
        assertThrows(ExecutionException.class, () -> pool.submit(() -> halt()).get());
        pool.submit(() -> Tasks.pid()).get();
      }
      Await.until(
          "all events came",
          () ->
              count(events, "ProcessTask") == 3
                  && count(events, "WorkerStart") == 2
                  && count(events, "WorkerHeap") >= 2
                  && count(events, "WorkerEnd") == 2);
    }
    RecordedEvent start = first(events, "WorkerStart");
    assertEquals(pid, start.getLong("pid"));
    assertTrue(start.getDuration("taken").isPositive());
    RecordedEvent heap = first(events, "WorkerHeap");
    assertEquals(pid, heap.getLong("pid"));
    assertTrue(heap.getLong("used") > 0 && heap.getLong("used") <= heap.getLong("max"));
    RecordedEvent end = first(events, "WorkerEnd");
    assertEquals("died", end.getString("reason"));
    assertEquals("7", end.getString("exitCode"));
    assertEquals(2, end.getLong("tasks"));
    List<String> outcomes =
        ours(events, "ProcessTask").map(event -> event.getString("outcome")).toList();
    assertEquals(List.of("completed", "crashed", "completed"), outcomes);
    assertTrue(first(events, "ProcessTask").getString("task").contains(getClass().getSimpleName()));
  }

  @Test
  void recording_ofAWorker_showsItsTasks() throws Exception {
    Path file = folder.resolve("worker.jfr");
    String slowEnough = "" + Duration.ofMillis(20).toNanos();
    try (var pool =
        ProcessPool.builder()
            .maxWorkers(1)
            .output(WorkerOutput.DISCARD)
            .killAfter(Duration.ofSeconds(60)) // the JVM writes the file when it ends
            .jvmOptions("-XX:StartFlightRecording:filename=" + file)
            .build()) {
      pool.submit(() -> work(Long.parseLong(slowEnough))).get();
    }
    List<RecordedEvent> tasks =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().equals("dev.bouncer.WorkerTask"))
            .toList();
    assertEquals(1, tasks.size());
    assertEquals(1, tasks.getFirst().getLong("task"));
    assertEquals("", tasks.getFirst().getString("failure"));
    assertTrue(Files.size(file) > 0);
  }

  private static int halt() {
    Runtime.getRuntime().halt(7);
    return 0;
  }

  private static long work(long nanos) {
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < nanos) {
      Thread.onSpinWait();
    }
    return nanos;
  }

  private static long count(ConcurrentLinkedQueue<RecordedEvent> events, String type) {
    return ours(events, type).count();
  }

  private static RecordedEvent first(ConcurrentLinkedQueue<RecordedEvent> events, String type) {
    return ours(events, type).findFirst().orElseThrow();
  }

  private static java.util.stream.Stream<RecordedEvent> ours(
      ConcurrentLinkedQueue<RecordedEvent> events, String type) {
    return events.stream()
        .filter(event -> event.getEventType().getName().equals("dev.bouncer." + type))
        .filter(event -> event.getString("pool").equals("recorded"))
        .sorted(java.util.Comparator.comparing(RecordedEvent::getStartTime));
  }
}
