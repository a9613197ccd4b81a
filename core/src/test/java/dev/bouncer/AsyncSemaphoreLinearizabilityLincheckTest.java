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
  void operations_ofEveryInterleaving_lookSequential() {
    new ModelCheckingOptions()
        .iterations(25)
        .invocationsPerIteration(250)
        .threads(2)
        .actorsBefore(2)
        .actorsPerThread(3)
        .actorsAfter(2)
        .sequentialSpecification(Sequential.class)
        .check(Concurrent.class);
  }

  /** The real one. Each thread minds its own permits and futures. */
  @Param(name = "weight", gen = IntGen.class, conf = "1:2")
  @Param(name = "limit", gen = IntGen.class, conf = "0:3")
  public static class Concurrent {
    private final AsyncSemaphore semaphore = AsyncSemaphore.builder(2).build(new StrictTiming());
    private final Map<Integer, Deque<CompletableFuture<Permit>>> asked = new ConcurrentHashMap<>();

    @Operation
    public boolean tryAcquire(
        @Param(gen = ThreadIdGen.class) int thread, @Param(name = "weight") int weight) {
      Permit permit = semaphore.tryAcquire(weight).orElse(null);
      return permit != null && mine(thread).add(CompletableFuture.completedFuture(permit));
    }

    @Operation
    public boolean acquireAsync(
        @Param(gen = ThreadIdGen.class) int thread, @Param(name = "weight") int weight) {
      CompletableFuture<Permit> future = semaphore.acquireAsync(weight);
      return mine(thread).add(future);
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
    public void setLimit(@Param(name = "limit") int limit) {
      semaphore.setLimit(limit);
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

    public boolean tryAcquire(int thread, int weight) {
      if (closed) {
        throw new LimiterClosedException("closed");
      }
      checkWeight(weight);
      boolean somebodyIsFirst = line.stream().anyMatch(this::isPossible);
      return !somebodyIsFirst && inUse + weight <= limit && acquireAsync(thread, weight);
    }

    public boolean acquireAsync(int thread, int weight) {
      Request request = new Request(weight);
      if (!closed) {
        checkWeight(weight);
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

    private void checkWeight(int weight) {
      if (weight > Math.max(limit, 1)) {
        throw new IllegalArgumentException("too heavy");
      }
    }

    private Deque<Request> mine(int thread) {
      return asked.computeIfAbsent(thread, _ -> new ArrayDeque<>());
    }
  }
}
