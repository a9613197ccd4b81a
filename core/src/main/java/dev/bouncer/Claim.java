package dev.bouncer;

import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Asks the parts of a {@link CompositeLimiter} for the first in its line. Only one thread at a time
 * is at work on a claim: the one that began it, and then whoever completes the future it waits for.
 *
 * <p>It tries all parts. If one has none, it gives everything back, stands in the line of that
 * part, and when its turn has come there, tries the others again. Nothing is held while it waits,
 * so it can block nobody; but under two parts that are never free it could go on for ever. So after
 * as many rounds as there are parts it keeps what it has of the parts <i>before</i> the one it
 * waits for, and for that they are {@linkplain Parts#apart taken apart}. Their order is then the
 * same for all combined limiters, so nobody in such a chain waits for somebody behind (Havender,
 * "Avoiding Deadlock in Multitasking Systems", 1968).
 */
final class Claim {
  private final CompositeLimiter limiter;
  private final int weight;
  private Parts parts;
  private PartPermits held;
  private int rounds;
  private volatile boolean cancelled;
  private volatile @Nullable CompletableFuture<Permit> request;
  private volatile @Nullable Part standsAt;

  Claim(CompositeLimiter limiter, int weight) {
    this.limiter = limiter;
    this.weight = weight;
    this.parts = limiter.parts();
    this.held = new PartPermits(parts, weight);
  }

  int weight() {
    return weight;
  }

  /** Units that stand in the line of this part for it. */
  int unitsInLineOf(Part part) {
    return part.equals(standsAt) ? weight : 0;
  }

  void cancel() {
    cancelled = true;
    CompletableFuture<Permit> waitsFor = request;
    if (waitsFor != null) {
      waitsFor.cancel(false);
    }
  }

  void negotiate() {
    if (cancelled) {
      end();
    } else if (collect()) {
      limiter.bringIn(this, held);
    }
  }

  /** Takes what is missing; if it is not to be had, waits for it, or ends the claim. */
  private boolean collect() {
    try {
      int missing = held.takeMissing();
      if (missing == parts.size()) {
        return true;
      }
      rounds++;
      boolean holdsWhileItWaits = rounds > limiter.parts().size();
      if (holdsWhileItWaits && parts != parts.apart()) {
        held.giveBackFrom(0);
        parts = parts.apart();
        held = new PartPermits(parts, weight);
        return collect();
      }
      held.giveBackFrom(holdsWhileItWaits ? parts.firstLike(missing) : 0);
      standInLineOf(missing);
    } catch (Throwable failed) { // of limiters from elsewhere: nobody may wait for ever
      fail(failed);
    }
    return false;
  }

  private void standInLineOf(int part) {
    Part lacking = parts.get(part);
    standsAt = lacking;
    CompletableFuture<Permit> turn = lacking.acquireAsync(weight);
    request = turn;
    if (cancelled) {
      turn.cancel(false);
    }
    var _ =
        turn.whenComplete((permit, failure) -> {
          standsAt = null;
          if (permit != null) {
            held.put(part, permit);
            Callbacks.run(limiter.timing, this::negotiate);
          } else if (cancelled) {
            end();
          } else {
            fail(Objects.requireNonNull(failure));
          }
        });
  }

  private void end() {
    try {
      held.giveBackFrom(0);
    } finally {
      limiter.claimEnded();
    }
  }

  private void fail(Throwable failure) {
    try {
      end();
    } catch (RuntimeException | Error notGivenBack) {
      if (notGivenBack != failure) {
        failure.addSuppressed(notGivenBack);
      }
    }
    if (failure instanceof LimiterClosedException) {
      limiter.close();
    } else {
      limiter.refuse(
          this,
          failure instanceof RuntimeException known ? known : new CompletionException(failure));
    }
  }
}
