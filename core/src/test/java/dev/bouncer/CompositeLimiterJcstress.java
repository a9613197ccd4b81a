package dev.bouncer;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Races for a permit of two semaphores of one unit each, on the real processor and compilers,
 * millions of times each.
 *
 * <p>The first number of every result is what became of the requests; the second is the harm done:
 * units of a part that are missing, and requests that are left in a line although all is free.
 */
public final class CompositeLimiterJcstress {
  private CompositeLimiterJcstress() {}

  /** Two parts, and what combines them in both orders. */
  private static final class Two {
    private final Timing time = new StandingStill();
    final AsyncSemaphore a = AsyncSemaphore.builder(1).build(time);
    final AsyncSemaphore b = AsyncSemaphore.builder(1).build(time);
    final CompositeLimiter all = CompositeLimiter.of(time, a, b);

    /** The other way round, and so another line. */
    final CompositeLimiter reversed = CompositeLimiter.of(time, b, a);

    /** What is wrong when every permit was given back. */
    int harm() {
      int left = all.waitingNow() + reversed.waitingNow() + a.waiting() + b.waiting();
      int missing = missing(a) + missing(b);
      return left + missing + (all.tryAcquire().isPresent() ? 0 : 1);
    }

    private static int missing(AsyncSemaphore part) {
      return Math.abs(1 - part.available());
    }
  }

  private static Permit take(Limiter limiter) {
    return limiter.tryAcquire().orElseThrow();
  }

  /** 1 for a permit, which is given back, 0 for none, 100 for no answer. */
  private static int settle(CompletableFuture<Permit> request) {
    if (!request.isDone()) {
      return 100;
    }
    if (request.isCompletedExceptionally()) {
      return 0;
    }
    request.join().close();
    return 1;
  }

  /**
   * A claim that goes on to the line of the next part against the request that gives up: it must
   * not stand there for nobody. The second part stays held until that was seen.
   */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled or forgotten")
  @State
  public static class MoveOnAgainstCancel {
    private final Two two = new Two();
    private final Permit first = take(two.a);
    private final Permit second = take(two.b);
    private final CompletableFuture<Permit> request = two.all.acquireAsync();

    @Actor
    public void release() {
      first.close();
    }

    @Actor
    public void cancel() {
      request.cancel(true);
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = CompositeLimiterJcstress.settle(request);
      int forNobody = two.a.waiting() + two.b.waiting();
      second.close();
      result.r2 = forNobody + two.harm();
    }
  }

  /** The turn of a claim against the request that gives up: what the claim got must go back. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "granted")
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled or forgotten")
  @State
  public static class ReleaseAgainstCancel {
    private final Two two = new Two();
    private final Permit held = take(two.a);
    private final CompletableFuture<Permit> request = two.all.acquireAsync();

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void cancel() {
      request.cancel(true);
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = CompositeLimiterJcstress.settle(request);
      result.r2 = two.harm();
    }
  }

  /** Both orders at once: whoever was turned back must be served when the other has given back. */
  @JCStressTest
  @Outcome(id = "2, 0", expect = ACCEPTABLE, desc = "one after the other")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled or forgotten")
  @State
  public static class AcquireAgainstAcquireInTheOtherOrder {
    private final Two two = new Two();
    private CompletableFuture<Permit> one;
    private CompletableFuture<Permit> other;

    @Actor
    public void acquire() {
      one = two.all.acquireAsync();
    }

    @Actor
    public void acquireInTheOtherOrder() {
      other = two.reversed.acquireAsync();
    }

    @Arbiter
    public void settle(II_Result result) {
      boolean oneWasFirst = one.isDone();
      int first = CompositeLimiterJcstress.settle(oneWasFirst ? one : other);
      result.r1 = first + CompositeLimiterJcstress.settle(oneWasFirst ? other : one);
      result.r2 = two.harm();
    }
  }
}
