package dev.bouncer.benchmarks;

import com.netflix.concurrency.limits.Limit;
import com.netflix.concurrency.limits.limit.AIMDLimit;
import com.netflix.concurrency.limits.limit.Gradient2Limit;
import com.netflix.concurrency.limits.limit.VegasLimit;
import com.netflix.concurrency.limits.limit.WindowedLimit;
import dev.bouncer.AdaptiveLimiter;
import dev.bouncer.LimitAlgorithm;
import dev.bouncer.Outcome;
import dev.bouncer.SimulatedTime;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.function.Function;

/** The adaptive limits under comparison, with their defaults but for the bounds: 1 to 300. */
enum AdaptiveContender {
  BOUNCER_VEGAS(time -> new OfBouncer(time, LimitAlgorithm::vegas)),
  BOUNCER_GRADIENT2(time -> new OfBouncer(time, LimitAlgorithm::gradient2)),
  BOUNCER_AIMD(time -> new OfBouncer(time, LimitAlgorithm::aimd)),
  NETFLIX_VEGAS(time -> new OfNetflix(time, VegasLimit.newBuilder().maxConcurrency(300).build())),
  NETFLIX_GRADIENT2(time ->
      new OfNetflix(
          time,
          WindowedLimit.newBuilder()
              .build(Gradient2Limit.newBuilder().minLimit(1).maxConcurrency(300).build()))),
  NETFLIX_AIMD(
      time -> new OfNetflix(time, AIMDLimit.newBuilder().minLimit(1).maxLimit(300).build()));

  private final Function<SimulatedTime, Contender> make;

  AdaptiveContender(Function<SimulatedTime, Contender> make) {
    this.make = make;
  }

  Contender create(SimulatedTime time) {
    return make.apply(time);
  }

  /** One limit with a line in front of it. */
  interface Contender {
    /** Calls back with what is to be told how the work ended, as soon as there is a permit. */
    void acquire(Consumer<Consumer<Outcome>> admitted);

    int limit();
  }

  private static final class OfBouncer implements Contender {
    private final AdaptiveLimiter limiter;

    OfBouncer(SimulatedTime time, java.util.function.Supplier<? extends LimitAlgorithm> algorithm) {
      limiter = time.create(AdaptiveLimiter.builder().algorithm(algorithm).maxLimit(300));
    }

    @Override
    public void acquire(Consumer<Consumer<Outcome>> admitted) {
      var _ = limiter.acquireAsync().thenAccept(permit -> admitted.accept(permit::close));
    }

    @Override
    public int limit() {
      return limiter.limit();
    }
  }

  /** Their algorithms bring no line; this one wakes as many as fit, first in, first out. */
  private static final class OfNetflix implements Contender {
    private final SimulatedTime time;
    private final Limit limit;
    private final Deque<Consumer<Consumer<Outcome>>> line = new ArrayDeque<>();
    private int inFlight;

    OfNetflix(SimulatedTime time, Limit limit) {
      this.time = time;
      this.limit = limit;
    }

    @Override
    public void acquire(Consumer<Consumer<Outcome>> admitted) {
      line.add(admitted);
      admit();
    }

    private void admit() {
      while (inFlight < limit.getLimit() && !line.isEmpty()) {
        long began = time.now();
        int inFlightThen = ++inFlight;
        line.remove()
            .accept(outcome -> {
              inFlight--;
              boolean dropped = outcome == Outcome.DROPPED;
              limit.onSample(began, time.now() - began, inFlightThen, dropped);
              admit();
            });
      }
    }

    @Override
    public int limit() {
      return limit.getLimit();
    }
  }
}
