package dev.bouncer;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * The one step in which the limiter of a key is found idle and closed, against whoever comes at
 * that moment. First 1 for who came, then 1 for who evicts: exactly one of them wins.
 */
public final class EvictionJcstress {
  private EvictionJcstress() {}

  /** Who finds no permit must see that the limiter is retired: it then looks the key up again. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "it stays, and is at work")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "evicted, and seen to be")
  @Outcome(expect = FORBIDDEN, desc = "evicted at work, or closed for no reason")
  @State
  public static class TakeAgainstRetire {
    private final AsyncSemaphore ofKey = AsyncSemaphore.builder(1).build(new StandingStill());

    @Actor
    public void take(II_Result result) {
      boolean taken = ofKey.tryTake(1) != null;
      result.r1 = taken ? 1 : ofKey.isRetired() ? 0 : -1;
    }

    @Actor
    public void retire(II_Result result) {
      result.r2 = ofKey.retireIfIdle() ? 1 : 0;
    }
  }

  /** The same for a limiter from elsewhere, whose uses we count. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "it stays, and is at work")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "evicted")
  @Outcome(expect = FORBIDDEN, desc = "evicted at work, or closed for no reason")
  @State
  public static class BeginAgainstRetire {
    private final UseCount uses = new UseCount();

    @Actor
    public void begin(II_Result result) {
      result.r1 = uses.begin() ? 1 : 0;
    }

    @Actor
    public void retire(II_Result result) {
      result.r2 = uses.retire(uses.now()) ? 1 : 0;
    }
  }
}
