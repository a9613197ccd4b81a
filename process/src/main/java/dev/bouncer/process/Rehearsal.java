package dev.bouncer.process;

import dev.bouncer.Task;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * What a worker does while its JVM notes what an AOT cache is to hold: a little of everything that
 * workers do, often enough for the profiles of the methods to be of use.
 */
final class Rehearsal {
  private static final int TINY_TASKS = 30_000;
  private static final int FEW = 200;

  private Rehearsal() {}

  /** Something that has no encoding of its own. */
  private record Parcel(String name, List<Integer> numbers) implements Serializable {}

  /** Runs the tasks and waits for them. */
  static void perform(ProcessPool pool) throws InterruptedException, ExecutionException {
    Task<Long, Long> square = n -> n * n;
    List<CompletableFuture<?>> all = new ArrayList<>();
    for (long n = 0; n < TINY_TASKS; n++) {
      all.add(pool.submit(square, n));
    }
    for (int n = 0; n < FEW; n++) {
      int captured = n;
      all.add(pool.submit(() -> captured + 1));
      all.add(pool.submit((String text) -> text + text.length(), "text" + n));
      all.add(pool.submit((byte[] bytes) -> bytes, new byte[n]));
      all.add(pool.submit((double[] numbers) -> numbers.length, new double[n]));
      all.add(pool.submit(Rehearsal::repack, new Parcel("parcel", new ArrayList<>(List.of(n)))));
      all.add(pool.submit((Map<String, Integer> map) -> map.size(), Map.of("n", n)));
    }
    all.add(
        pool.submit(() -> {
          TaskContext.current().progress(1, "nearly done");
          return TaskContext.current().isCancelled();
        }));
    for (CompletableFuture<?> future : all) {
      var _ = future.get();
    }
    try {
      var _ = pool.submit(() -> fail()).get();
    } catch (ExecutionException meant) {
      // A failed task is a part of the play, too.
    }
  }

  private static Parcel repack(Parcel parcel) {
    return new Parcel(parcel.name + "!", parcel.numbers);
  }

  private static int fail() {
    throw new IllegalStateException("rehearsed failure");
  }
}
