package dev.bouncer;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * Races for the state of a {@link RateLimiter}, on the real processor and compilers, millions of
 * times each. Time stands still, so nothing comes back but what is put back: the units that were
 * taken and those that are left are the burst, always.
 */
public final class RateLimiterJcstress {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private RateLimiterJcstress() {}

  private static RateLimiter burstOf(int burst) {
    return RateLimiter.builder(Bandwidth.of(10, SECOND).withBurst(burst))
        .name("jcstress")
        .build(new StandingStill());
  }

  private static Permit taken(RateLimiter rate) {
    return rate.tryAcquire().orElseThrow();
  }

  /** How many units can be had now, one by one. */
  private static int left(RateLimiter rate) {
    int left = 0;
    while (rate.tryAcquire().isPresent()) {
      left++;
    }
    return left;
  }

  /** Debts are carried over to another rate. First whether it was taken, then what is left. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "taken")
  @Outcome(expect = FORBIDDEN, desc = "a unit lost or doubled")
  @State
  public static class TakeAgainstSetRate {
    private final RateLimiter rate = burstOf(2);

    @Actor
    public void take(II_Result result) {
      result.r1 = rate.tryAcquire().isPresent() ? 1 : 0;
    }

    @Actor
    public void setRate() {
      rate.setRate(3, SECOND);
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r2 = left(rate);
    }
  }

  /** What is left when one of two units was spent and one put back. */
  @JCStressTest
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "the one that was put back")
  @Outcome(expect = FORBIDDEN, desc = "a unit lost or doubled")
  @State
  public static class PutBackAgainstSetRate {
    private final RateLimiter rate = burstOf(2);
    private final Permit unused = taken(rate);
    private final Permit spent = taken(rate);

    @Actor
    public void putBack() {
      unused.close(dev.bouncer.Outcome.UNUSED);
    }

    @Actor
    public void setRate() {
      rate.setRate(3, SECOND);
    }

    @Arbiter
    public void settle(I_Result result) {
      spent.close();
      result.r1 = left(rate);
    }
  }

  /**
   * Joining the line against putting back: either the newcomer sees the unit, or whoever puts it
   * back sees the flag. First 1 if it was served, then what is left.
   */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "served")
  @Outcome(expect = FORBIDDEN, desc = "waits beside a free unit, or a unit is lost or doubled")
  @State
  public static class JoinAgainstPutBack {
    private final RateLimiter rate = burstOf(1);
    private final Permit unused = taken(rate);
    private CompletableFuture<Permit> request;

    @Actor
    public void join() {
      request = rate.acquireAsync();
    }

    @Actor
    public void putBack() {
      unused.close(dev.bouncer.Outcome.UNUSED);
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = request.isDone() ? 1 : 0;
      result.r2 = left(rate);
    }
  }

  /** First 1 if it was served, then what is left. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "served")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "gave up, and the unit is there for others")
  @Outcome(expect = FORBIDDEN, desc = "a unit lost or doubled, or the line stays barred")
  @State
  public static class CancelAgainstPutBack {
    private final RateLimiter rate = burstOf(1);
    private final Permit unused = taken(rate);
    private final CompletableFuture<Permit> request = rate.acquireAsync();

    @Actor
    public void cancel() {
      request.cancel(true);
    }

    @Actor
    public void putBack() {
      unused.close(dev.bouncer.Outcome.UNUSED);
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = request.isCancelled() ? 0 : request.isDone() ? 1 : -1;
      result.r2 = left(rate);
    }
  }
}
