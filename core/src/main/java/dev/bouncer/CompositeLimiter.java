package dev.bouncer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One permit of several limiters, or none: {@link Limiter#allOf}.
 *
 * <h2>How it works</h2>
 *
 * <p>Requests stand in this limiter's own line. A newcomer that finds it empty tries all parts and
 * gives back what it got if one has none. For the first in line one {@link Claim} negotiates with
 * the parts; when it has a permit of each, the head is served from it. A claim belongs to a weight,
 * not to a waiter: if the head gives up, the next one of the same weight inherits it.
 *
 * <p>The parts are asked without this limiter's lock, because whatever is given back to them runs
 * the code of users. So the books of this class are nothing but what claims have brought in.
 */
final class CompositeLimiter extends QueuedLimiter {
  private final List<Limiter> parts;

  /** Those that nobody else uses: this limiter is idle if they are. */
  private final List<Limiter> own;

  private final LongAdder acquired = new LongAdder();

  /** How many permits are out or being collected; far below zero while it is or may be retired. */
  private final AtomicLong out = new AtomicLong();

  private static final int FROM_ELSEWHERE = 2;

  private static final long RETIRED = Long.MIN_VALUE / 2;

  /** Taken for waiters that have been granted, until they ask for their permit object. */
  private final Queue<CompositePermit> granted = new ConcurrentLinkedQueue<>();

  // Written under the lock.
  private volatile boolean queued;
  private volatile boolean closed;

  // Guarded by the lock.
  private @Nullable Claim claim;
  private @Nullable CompositePermit broughtIn;

  private CompositeLimiter(String name, List<Limiter> parts, List<Limiter> own, Timing timing) {
    super(name, Integer.MAX_VALUE, WhenFull.REJECT, timing);
    this.parts = parts;
    this.own = own;
  }

  static CompositeLimiter of(Limiter first, Limiter... others) {
    return of(Timing.SYSTEM, first, others);
  }

  static CompositeLimiter of(Timing timing, Limiter first, Limiter... others) {
    Set<Limiter> parts = new LinkedHashSet<>();
    addParts(parts, Objects.requireNonNull(first, "first"));
    for (Limiter other : others) {
      addParts(parts, Objects.requireNonNull(other, "others"));
    }
    return of(timing, parts, List.copyOf(parts));
  }

  /** A limiter of its own beside one that it shares with others. */
  static CompositeLimiter beside(Limiter own, @Nullable Limiter shared, Timing timing) {
    Set<Limiter> parts = new LinkedHashSet<>();
    addParts(parts, own);
    List<Limiter> owned = List.copyOf(parts);
    if (shared != null) {
      addParts(parts, shared);
    }
    return of(timing, parts, owned);
  }

  private static CompositeLimiter of(Timing timing, Set<Limiter> parts, List<Limiter> own) {
    String name =
        parts.stream().map(Limiter::name).collect(Collectors.joining(", ", "allOf(", ")"));
    List<Limiter> inOrder = new ArrayList<>(parts);
    inOrder.sort(ORDER);
    return new CompositeLimiter(name, List.copyOf(inOrder), own, timing);
  }

  private static void addParts(Set<Limiter> parts, Limiter limiter) {
    if (limiter instanceof CompositeLimiter composite) {
      parts.addAll(composite.parts);
    } else {
      parts.add(limiter);
    }
  }

  /**
   * The same for everybody who combines the same limiters, also for limiters of keys, which are
   * made anew each time. Limiters from elsewhere go by their names, which are the same in each JVM
   * that shares them. Not always strict: see {@link #firstLike}.
   */
  private static final Comparator<Limiter> ORDER =
      Comparator.comparingInt(CompositeLimiter::kind)
          .thenComparing(part -> kind(part) == FROM_ELSEWHERE ? part.name() : "")
          .thenComparingLong(CompositeLimiter::number)
          .thenComparingInt(part -> part instanceof KeyLimiter<?> key ? key.hashCode() : 0);

  /** Places before rates: a place that is waited for must not cost a rate that was taken before. */
  private static int kind(Limiter part) {
    return switch (part) {
      case RateLimiter _ -> 3;
      case QueuedLimiter _ -> 0;
      case KeyLimiter<?> _ -> 1;
      default -> FROM_ELSEWHERE;
    };
  }

  private static long number(Limiter part) {
    return switch (part) {
      case QueuedLimiter queued -> queued.number;
      case KeyLimiter<?> key -> key.keyedNumber();
      default -> System.identityHashCode(part);
    };
  }

  /** The first of the parts that have no order among each other and with this one. */
  private int firstLike(int part) {
    int first = part;
    while (first > 0 && ORDER.compare(parts.get(first - 1), parts.get(part)) == 0) {
      first--;
    }
    return first;
  }

  // The books.

  @Override
  @Nullable Permit tryTake(int weight) {
    if (queued || closed) {
      return null;
    }
    if (out.getAndIncrement() < 0) {
      out.getAndDecrement();
      return null; // the slow path waits for the lock, and sees what came of it
    }
    @Nullable Permit[] taken = new @Nullable Permit[parts.size()];
    boolean complete = false;
    boolean partIsClosed = false;
    try {
      complete = takeMissing(taken, weight) == parts.size();
    } catch (LimiterClosedException found) {
      partIsClosed = true;
    } catch (LimiterFullException | IllegalArgumentException refused) {
      // the slow path says so, for all parts together
    } finally {
      if (!complete) {
        try {
          giveBackFrom(0, taken);
        } finally {
          out.getAndDecrement();
        }
      }
    }
    if (complete) {
      acquired.increment();
      return new CompositePermit(this, weight, taken);
    }
    if (partIsClosed) {
      close();
    }
    return null;
  }

  /** All parts of a permit were given back. */
  void gaveBack() {
    out.getAndDecrement();
  }

  /** Takes what is not taken yet; the index of the first part that had none, or their number. */
  private int takeMissing(@Nullable Permit[] taken, int weight) {
    for (int i = 0; i < taken.length; i++) {
      if (taken[i] == null) {
        Permit permit = parts.get(i).tryAcquire(weight).orElse(null);
        if (permit == null) {
          return i;
        }
        taken[i] = permit;
      }
    }
    return taken.length;
  }

  private static void giveBackFrom(int from, @Nullable Permit[] taken) {
    List<Permit> all = new ArrayList<>();
    for (int i = taken.length - 1; i >= from; i--) {
      Permit permit = taken[i];
      if (permit != null) {
        taken[i] = null;
        all.add(permit);
      }
    }
    closeAll(all, Outcome.UNUSED);
  }

  /** Closes all of them, also if one fails to; throws what the first of those threw. */
  static void closeAll(List<Permit> permits, Outcome outcome) {
    RuntimeException failure = null;
    for (Permit permit : permits) {
      try {
        permit.close(outcome);
      } catch (RuntimeException failed) {
        if (failure == null) {
          failure = failed;
        } else {
          failure.addSuppressed(failed);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  boolean take(int weight) {
    CompositePermit permit = broughtIn;
    if (permit == null || permit.weight() != weight) {
      return false;
    }
    broughtIn = null;
    permit.granted = true;
    acquired.increment();
    granted.add(permit);
    return true;
  }

  /** Any of those that were granted will do, if it has the weight. */
  @Override
  Permit permit(int weight) {
    while (true) {
      for (Iterator<CompositePermit> all = granted.iterator(); all.hasNext(); ) {
        CompositePermit permit = all.next();
        if (permit.weight() == weight && granted.remove(permit)) {
          return permit;
        }
      }
    }
  }

  @Override
  boolean passOn() {
    return false; // parts are given back to themselves
  }

  @Override
  void setQueued(boolean queued) {
    this.queued = queued;
  }

  @Override
  void setClosed() {
    closed = true;
  }

  @Override
  public boolean isClosed() {
    return closed;
  }

  @Override
  int heaviest() {
    int least = Integer.MAX_VALUE;
    for (Limiter part : parts) {
      int most = part instanceof QueuedLimiter own ? own.heaviest() : part.stats().limit();
      least = Math.min(least, most);
    }
    return Math.max(least, 1);
  }

  /** Nobody would tell this line that the limit of a part has risen again. */
  @Override
  boolean stepsAside(int weight) {
    return false;
  }

  @Override
  Books books() {
    int limit = Integer.MAX_VALUE;
    int available = Integer.MAX_VALUE;
    for (Limiter part : parts) {
      LimiterStats stats = part.stats();
      limit = Math.min(limit, stats.limit());
      available = Math.min(available, stats.available());
    }
    return new Books(limit, limit - available, acquired.sum());
  }

  /** Nobody has a part of it, and what its own parts have handed out has come back by itself. */
  @Override
  boolean setClosedIfIdle() {
    if (!isIdle() || !out.compareAndSet(0, RETIRED)) {
      return false;
    }
    if (!isIdle()) { // somebody came and went since the first look
      out.getAndAdd(-RETIRED);
      return false;
    }
    closed = true;
    return true;
  }

  private boolean isIdle() {
    return own.stream().allMatch(CompositeLimiter::isIdle);
  }

  private static boolean isIdle(Limiter part) {
    LimiterStats now = part.stats();
    return now.inUse() <= 0 && now.waiting() == 0;
  }

  @Override
  boolean freedByTime() {
    return true;
  }

  @Override
  OptionalLong nanosUntil(long units) {
    OptionalLong longest = OptionalLong.empty();
    for (Limiter part : parts) {
      if (part instanceof QueuedLimiter queuedPart) {
        // the first in line stands there already, in the claim
        Claim running = claim;
        long twice = running != null && running.standsAt == part ? running.weight : 0;
        OptionalLong nanos = queuedPart.untilTurnNow(units - twice);
        if (nanos.isPresent()) {
          longest = OptionalLong.of(Math.max(longest.orElse(0), nanos.getAsLong()));
        }
      }
    }
    return longest;
  }

  @Override
  public String toString() {
    LimiterStats now = stats();
    return "%s[limit=%d inUse=%d available=%d waiting=%d%s]"
        .formatted(
            now.name(),
            now.limit(),
            now.inUse(),
            now.available(),
            now.waiting(),
            closed ? " closed" : "");
  }

  // Claims.

  @Override
  void headWaits(int weight, Outbox outbox) {
    Claim running = claim;
    if (running != null && running.weight == weight) {
      return;
    }
    if (running != null) {
      outbox.afterwards(() -> Callbacks.run(timing, running::cancel));
    }
    Claim next = new Claim(weight);
    claim = next;
    out.getAndIncrement(); // the permit that it brings in, or nothing, takes it back
    outbox.afterwards(() -> Callbacks.run(timing, next::negotiate));
  }

  @Override
  void nobodyWaits(Outbox outbox) {
    Claim running = claim;
    if (running != null) {
      claim = null;
      outbox.afterwards(() -> Callbacks.run(timing, running::cancel));
    }
  }

  /** Serves the head from what a claim has got; what nobody wants any more goes back. */
  private void bringIn(Claim from, CompositePermit permit) {
    changeBooks(() -> {
      if (claim == from) {
        claim = null;
        broughtIn = permit;
      }
    });
    boolean unused =
        askUnderLock(() -> {
          if (broughtIn == permit) {
            broughtIn = null;
          }
          return !permit.granted;
        });
    if (unused) {
      permit.close(Outcome.UNUSED);
    }
  }

  /**
   * The first in line asks the parts. Only one thread at a time is at work on a claim: the one that
   * began it, and then whoever completes the future it waits for.
   *
   * <p>It tries all parts. If one has none, it gives everything back, stands in the line of that
   * part, and when its turn has come there, tries the others again. Nothing is held while it waits,
   * so it can block nobody; but under two parts that are never free it could go on for ever. So
   * after as many rounds as there are parts it keeps what it has of the parts <i>before</i> the one
   * it waits for. The order of parts is the same for all combined limiters, so nobody in such a
   * chain waits for somebody behind (Havender, "Avoiding Deadlock in Multitasking Systems", 1968).
   */
  private final class Claim {
    final int weight;
    private final @Nullable Permit[] held = new @Nullable Permit[parts.size()];
    private int rounds;
    private volatile boolean cancelled;
    private volatile @Nullable CompletableFuture<Permit> request;

    /** In whose line it stands. */
    private volatile @Nullable Limiter standsAt;

    Claim(int weight) {
      this.weight = weight;
    }

    void cancel() {
      cancelled = true;
      CompletableFuture<Permit> waitsFor = request;
      if (waitsFor != null) {
        waitsFor.cancel(false);
      }
    }

    void negotiate() {
      try {
        int missing = cancelled ? 0 : takeMissing(held, weight);
        if (cancelled) {
          end();
        } else if (missing == held.length) {
          bringIn(this, new CompositePermit(CompositeLimiter.this, weight, held));
        } else {
          rounds++;
          giveBackFrom(rounds <= held.length ? 0 : firstLike(missing), held);
          standInLineOf(missing);
        }
      } catch (Throwable failed) {
        fail(failed);
      }
    }

    private void standInLineOf(int part) {
      standsAt = parts.get(part);
      CompletableFuture<Permit> turn = parts.get(part).acquireAsync(weight);
      request = turn;
      if (cancelled) {
        turn.cancel(false);
      }
      var _ =
          turn.whenComplete((permit, failure) -> {
            standsAt = null;
            if (permit != null) {
              held[part] = permit;
              Callbacks.run(timing, this::negotiate);
            } else if (cancelled) {
              end();
            } else {
              fail(Objects.requireNonNull(failure));
            }
          });
    }

    private void end() {
      try {
        giveBackFrom(0, held);
      } finally {
        gaveBack();
      }
    }

    private void fail(Throwable failure) {
      end();
      if (failure instanceof LimiterClosedException) {
        close();
        return;
      }
      RuntimeException reason =
          failure instanceof RuntimeException known ? known : new CompletionException(failure);
      refuseHeadIf(
          () -> {
            boolean mine = claim == this;
            claim = mine ? null : claim;
            return mine;
          },
          reason);
    }
  }
}
