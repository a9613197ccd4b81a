package dev.bouncer;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Random scenarios of the operations that do not block, whose answers must be those of a semaphore
 * that does one after the other: {@link Sequential}, with a plain queue and no concurrency.
 */
@Tag("deep")
public class AsyncSemaphoreLinearizabilityLincheckTest {

  @Test
  void weightsOneAndTwo_lookSequential() {
    check(Weighted.class);
  }

  @Test
  void limitsBelowAQueuedWeight_lookSequential() {
    check(Shrinking.class);
  }

  private static void check(Class<?> operations) {
    new ModelCheckingOptions()
        .iterations(12)
        .invocationsPerIteration(200)
        .threads(2)
        .actorsBefore(2)
        .actorsPerThread(3)
        .actorsAfter(2)
        .sequentialSpecification(Sequential.class)
        .check(operations);
  }

  /** Light and heavy requests, all of them always possible. */
  public static class Weighted extends Concurrent {
    @Operation
    public boolean heavyAcquireAsync(@Param(gen = ThreadIdGen.class) int thread) {
      return acquireAsync(thread, 2);
    }

    @Operation
    public void setLimit(@Param(gen = IntGen.class, conf = "2:3") int limit) {
      semaphore.setLimit(limit);
    }
  }

  /**
   * Light requests around the heavy one that waits from the beginning, which smaller limits make
   * impossible and larger ones possible again. (Asking for the impossible itself is left to the
   * ordinary tests: Lincheck 3.7 takes the formatting of its message for an endless loop.)
   */
  public static class Shrinking extends Concurrent {
    @Operation
    public void setLimit(@Param(gen = IntGen.class, conf = "0:2") int limit) {
      semaphore.setLimit(limit);
    }
  }

  /** The real one. Each thread minds its own permits and futures; a heavy request waits. */
  public abstract static class Concurrent {
    final AsyncSemaphore semaphore = AsyncSemaphore.builder(2).build(new StrictTiming());
    private final Map<Integer, Deque<CompletableFuture<Permit>>> asked = new ConcurrentHashMap<>();

    Concurrent() {
      for (int thread : new int[] {0, 1}) {
        mine(thread).add(semaphore.acquireAsync(2));
      }
    }

    @Operation
    public boolean tryAcquire(@Param(gen = ThreadIdGen.class) int thread) {
      Permit permit = semaphore.tryAcquire().orElse(null);
      return permit != null && mine(thread).add(CompletableFuture.completedFuture(permit));
    }

    @Operation
    public boolean acquireAsync(@Param(gen = ThreadIdGen.class) int thread) {
      return acquireAsync(thread, 1);
    }

    final boolean acquireAsync(int thread, int weight) {
      return mine(thread).add(semaphore.acquireAsync(weight));
    }

    /** Gives the oldest request up: it leaves the line, or it holds a permit, which goes back. */
    @Operation
    public String giveUpOldest(@Param(gen = ThreadIdGen.class) int thread) {
      CompletableFuture<Permit> oldest = mine(thread).poll();
      if (oldest == null) {
        return "nothing";
      }
      if (oldest.cancel(true) || oldest.isCompletedExceptionally()) {
        return "no permit";
      }
      oldest.thenAccept(Permit::close);
      return "a permit";
    }

    @Operation
    public int waiting() {
      return semaphore.waiting();
    }

    @Operation(runOnce = true)
    public void close() {
      semaphore.close();
    }

    private Deque<CompletableFuture<Permit>> mine(int thread) {
      return asked.computeIfAbsent(thread, _ -> new ArrayDeque<>());
    }
  }

  /** The specification: one thing after the other, by the words of the contract. */
  public static class Sequential {
    private static final class Request {
      private final int weight;
      private boolean granted;

      private Request(int weight) {
        this.weight = weight;
      }
    }

    private final Map<Integer, Deque<Request>> asked = new HashMap<>();
    private final List<Request> line = new ArrayList<>();
    private int limit = 2;
    private int inUse;
    private boolean closed;

    public Sequential() {
      acquireAsync(0, 2);
      acquireAsync(1, 2);
    }

    public boolean tryAcquire(int thread) {
      if (closed) {
        throw new LimiterClosedException("closed");
      }
      boolean somebodyIsFirst = line.stream().anyMatch(this::isPossible);
      return !somebodyIsFirst && inUse < limit && acquireAsync(thread);
    }

    public boolean acquireAsync(int thread) {
      return acquireAsync(thread, 1);
    }

    public boolean heavyAcquireAsync(int thread) {
      return acquireAsync(thread, 2);
    }

    private boolean acquireAsync(int thread, int weight) {
      Request request = new Request(weight);
      if (!closed) {
        line.add(request);
        admit();
      }
      return mine(thread).add(request);
    }

    public String giveUpOldest(int thread) {
      Request oldest = mine(thread).poll();
      if (oldest == null) {
        return "nothing";
      }
      line.remove(oldest);
      inUse -= oldest.granted ? oldest.weight : 0;
      admit();
      return oldest.granted ? "a permit" : "no permit";
    }

    public void setLimit(int limit) {
      this.limit = limit;
      admit();
    }

    public int waiting() {
      return line.size();
    }

    public void close() {
      closed = true;
      line.clear();
    }

    private void admit() {
      for (Request request : List.copyOf(line)) {
        if (isPossible(request)) {
          if (inUse + request.weight > limit) {
            return;
          }
          line.remove(request);
          inUse += request.weight;
          request.granted = true;
        }
      }
    }

    private boolean isPossible(Request request) {
      return request.weight <= Math.max(limit, 1);
    }

    private Deque<Request> mine(int thread) {
      return asked.computeIfAbsent(thread, _ -> new ArrayDeque<>());
    }
  }
}
