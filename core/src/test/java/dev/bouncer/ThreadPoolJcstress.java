package dev.bouncer;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * Races of a task's two ends: the thread that runs it against whoever gives it up. The actors are
 * the pool's threads: a thread that the pool wants to start waits in a queue until an actor, or at
 * the end the arbiter, lives its life.
 *
 * <p>The last number of every result is the harm done: places that were not given back, and
 * interrupts that outlived their task.
 */
public final class ThreadPoolJcstress {
  private ThreadPoolJcstress() {}

  /** A pool with one place whose threads are lived by the actors. */
  private static final class OnePlace {
    final AtomicInteger runs = new AtomicInteger();
    private final ConcurrentLinkedQueue<Runnable> threads = new ConcurrentLinkedQueue<>();
    private final AtomicInteger strayInterrupts = new AtomicInteger();
    final ThreadPool pool;

    OnePlace(@Nullable Limiter limiter) {
      var builder = ThreadPool.builder().name("jcstress").maxWorkers(1).workers(threads::add);
      pool = limiter == null ? builder.build() : builder.limiter(limiter).build();
    }

    OnePlace() {
      this(null);
    }

    CompletableFuture<Integer> submit() {
      return pool.submit(runs::incrementAndGet);
    }

    /** Lives the lives of all threads that were started. */
    void live() {
      for (Runnable thread = threads.poll(); thread != null; thread = threads.poll()) {
        thread.run();
        if (Thread.interrupted()) {
          strayInterrupts.incrementAndGet();
        }
      }
    }

    /**
     * Runs what is left; how many places are still taken, or hit by an interrupt of another task.
     */
    int harm() {
      live();
      return pool.stats().running() + pool.stats().queued() + strayInterrupts.get();
    }
  }

  private static int outcome(CompletableFuture<?> future) {
    if (!future.isDone()) {
      return -1;
    }
    return future.isCancelled() || future.isCompletedExceptionally() ? 0 : 1;
  }

  /**
   * Run against {@code cancel(true)}. First what cancel said, then what the future says: they must
   * agree, and whatever the canceller interrupts, it is not what the thread does next.
   */
  @JCStressTest
  @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "cancelled, and the future says so")
  @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "too late, and the future has the result")
  @Outcome(expect = FORBIDDEN, desc = "both, neither, a place lost or a stray interrupt")
  @State
  public static class RunAgainstCancel {
    private final OnePlace place = new OnePlace();
    private final CompletableFuture<Integer> future = place.submit();

    @Actor
    public void run() {
      place.live();
    }

    @Actor
    public void cancel(III_Result result) {
      result.r1 = future.cancel(true) ? 1 : 0;
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm();
      result.r2 = outcome(future);
    }
  }

  /**
   * Run against {@code stop()}, which lets the future tell what came of the task: first how often
   * it ran, then the future.
   */
  @JCStressTest
  @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "never ran, cancelled")
  @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "ran to its end")
  @Outcome(expect = FORBIDDEN, desc = "pending for ever, ran unseen, or a stray interrupt")
  @State
  public static class RunAgainstStop {
    private final OnePlace place = new OnePlace();
    private final CompletableFuture<Integer> future = place.submit();

    @Actor
    public void run() {
      place.live();
    }

    @Actor
    public void stop() {
      ((TaskFuture<Integer>) future).stop();
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm();
      result.r1 = place.runs.get();
      result.r2 = outcome(future);
    }
  }

  /**
   * The end of a task against the cancellation of the next, which may just be taking over the
   * thread: first how often tasks ran, then the second future.
   */
  @JCStressTest
  @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "left the queue")
  @Outcome(id = "2, 0, 0", expect = ACCEPTABLE, desc = "given up while it ran")
  @Outcome(id = "2, 1, 0", expect = ACCEPTABLE, desc = "too late")
  @Outcome(expect = FORBIDDEN, desc = "lost, run twice, or a stray interrupt")
  @State
  public static class EndAgainstCancelOfTheNext {
    private final OnePlace place = new OnePlace();
    private final CompletableFuture<Integer> first = place.submit();
    private final CompletableFuture<Integer> second = place.submit();

    @Actor
    public void run() {
      place.live();
    }

    @Actor
    public void cancel() {
      second.cancel(true);
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm() + (outcome(first) == 1 ? 0 : 100);
      result.r1 = place.runs.get();
      result.r2 = outcome(second);
    }
  }

  /**
   * The end of the only task, whose thread finds nothing to do, against the coming of the next,
   * which finds no place: if both look before the other acts, the next waits for ever (1, -1, 1).
   */
  @JCStressTest
  @Outcome(id = "2, 1, 0", expect = ACCEPTABLE, desc = "both ran")
  @Outcome(expect = FORBIDDEN, desc = "forgotten in the queue")
  @State
  public static class EndAgainstSubmit {
    private final OnePlace place = new OnePlace();
    private final CompletableFuture<Integer> first = place.submit();
    private CompletableFuture<Integer> second = first;

    @Actor
    public void run() {
      place.live();
    }

    @Actor
    public void submitNext() {
      second = place.submit();
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm();
      result.r1 = place.runs.get();
      result.r2 = outcome(second);
    }
  }

  /**
   * Submit against {@code shutdownNow}: the newcomer is refused, cancelled or run, and never left
   * pending; first whether it was taken in, then its future.
   */
  @JCStressTest
  @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "refused")
  @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "taken in, then cancelled")
  @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "taken in and run: it had its place")
  @Outcome(expect = FORBIDDEN, desc = "pending for ever, or not terminated")
  @State
  public static class SubmitAgainstShutdownNow {
    private final OnePlace place = new OnePlace();
    private CompletableFuture<Integer> future = CompletableFuture.failedFuture(new Exception());

    @Actor
    public void come(III_Result result) {
      try {
        future = place.submit();
        result.r1 = 1;
      } catch (RejectedExecutionException refused) {
        result.r1 = 0;
      }
    }

    @Actor
    public void shutDown() {
      place.pool.shutdownNow();
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm() + (place.pool.isTerminated() ? 0 : 100);
      result.r2 = outcome(future);
    }
  }

  /**
   * A pool whose tasks need a permit: its grant against the task's cancellation. First the future,
   * then how many units are free in the end: one, or the permit went down with the task.
   */
  @JCStressTest
  @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "cancelled, the permit given back")
  @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "ran, the permit given back")
  @Outcome(expect = FORBIDDEN, desc = "a permit or a place lost")
  @State
  public static class PermitAgainstCancel {
    private final AsyncSemaphore limiter = AsyncSemaphore.of(1);
    private final OnePlace place = new OnePlace(limiter);
    private final Permit held = limiter.tryAcquire().orElseThrow();
    private final CompletableFuture<Integer> future = place.submit();

    @Actor
    public void release() {
      held.close();
      place.live();
    }

    @Actor
    public void cancel() {
      future.cancel(true);
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm();
      result.r1 = outcome(future);
      result.r2 = limiter.available();
    }
  }

  /** {@code whenStarted} against the start: its action runs once, whoever is first. */
  @JCStressTest
  @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "once")
  @Outcome(expect = FORBIDDEN, desc = "never or twice")
  @State
  public static class StartAgainstWhenStarted {
    private final OnePlace place = new OnePlace();
    private final AtomicInteger actions = new AtomicInteger();
    private final CompletableFuture<Integer> future = place.submit();

    @Actor
    public void run() {
      place.live();
    }

    @Actor
    public void register() {
      ((TaskFuture<Integer>) future).whenStarted(actions::incrementAndGet);
    }

    @Arbiter
    public void settle(III_Result result) {
      result.r3 = place.harm();
      result.r1 = actions.get();
      result.r2 = outcome(future);
    }
  }
}
