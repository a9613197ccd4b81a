package dev.bouncer;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Races of two actors on the real processor and compilers, millions of times each. {@code ./build
 * deep} runs them in jcstress's quick mode; a forbidden outcome fails it.
 *
 * <p>In the tests of giving up, the first number is what the one in line got (1 a permit, 0 none,
 * -1 no answer) and the second how many units of one are free when everything was given back.
 */
public final class AsyncSemaphoreJcstress {
  private AsyncSemaphoreJcstress() {}

  /**
   * Nobody really waits: parking interrupts the thread, and each look at the clock costs an hour.
   */
  private static final class Impatient implements Timing {
    private final AtomicLong hours = new AtomicLong();
    private final List<FutureTask<?>> alarms = new ArrayList<>();

    @Override
    public long nanoTime() {
      return Duration.ofHours(hours.incrementAndGet()).toNanos();
    }

    @Override
    public void park(Object blocker) {
      Thread.currentThread().interrupt();
    }

    @Override
    public void parkNanos(Object blocker, long nanos) {}

    @Override
    public void unpark(Thread thread) {}

    @Override
    public Future<?> after(long nanos, Runnable action) {
      FutureTask<?> alarm = new FutureTask<>(action, null);
      alarms.add(alarm);
      return alarm;
    }
  }

  private static AsyncSemaphore semaphore(int limit, Timing timing) {
    return AsyncSemaphore.builder(limit).name("jcstress").build(timing);
  }

  private static Permit take(AsyncSemaphore semaphore) {
    return semaphore.tryAcquire().orElseThrow();
  }

  /** How many units can be acquired, one by one; a closed semaphore can only be asked. */
  private static int free(AsyncSemaphore semaphore) {
    if (semaphore.isClosed()) {
      return semaphore.available();
    }
    int free = 0;
    while (semaphore.tryAcquire().isPresent()) {
      free++;
    }
    return free;
  }

  private static void settle(
      CompletableFuture<Permit> future, AsyncSemaphore semaphore, II_Result result) {
    if (!future.isDone()) {
      result.r1 = -1;
    } else if (future.isCompletedExceptionally()) {
      result.r1 = 0;
    } else {
      result.r1 = 1;
      future.join().close();
    }
    result.r2 = free(semaphore);
  }

  /**
   * Grant against cancel: the waiter's ticket decides, under the lock. A canceller that overlooks
   * the grant loses the permit (0, 0); a releaser that overlooks the cancel forgets it as well.
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class GrantAgainstCancel {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private final CompletableFuture<Permit> future = semaphore.acquireAsync();

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void cancel() {
      future.cancel(true);
    }

    @Arbiter
    public void settle(II_Result result) {
      AsyncSemaphoreJcstress.settle(future, semaphore, result);
    }
  }

  /**
   * Grant against interrupt: parking interrupts at once, so the thread leaves the line while the
   * releaser looks for the first in it. A grant to one who has left loses the permit (0, 0).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class GrantAgainstInterrupt {
    private final AsyncSemaphore semaphore = semaphore(1, new Impatient());
    private final Permit held = take(semaphore);
    private Permit granted;

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void waitAndBeInterrupted() {
      try {
        granted = semaphore.acquire();
      } catch (InterruptedException interrupted) {
        granted = null;
      }
      var _ = Thread.interrupted();
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = granted == null ? 0 : 1;
      if (granted != null) {
        granted.close();
      }
      result.r2 = free(semaphore);
    }
  }

  /**
   * Grant against the timeout of a blocked thread, which finds the time up when it has just joined
   * the line. A grant that goes to it nevertheless is lost (0, 0).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class GrantAgainstTimeout {
    private final AsyncSemaphore semaphore = semaphore(1, new Impatient());
    private final Permit held = take(semaphore);
    private Permit granted;

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void waitAndTimeOut() {
      try {
        granted = semaphore.tryAcquire(Duration.ofMinutes(1)).orElse(null);
      } catch (InterruptedException impossible) {
        throw new AssertionError(impossible);
      }
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = granted == null ? 0 : 1;
      if (granted != null) {
        granted.close();
      }
      result.r2 = free(semaphore);
    }
  }

  /**
   * Grant against the timeout of a future: the alarm takes waiters off the timer wheel and out of
   * the line while the releaser takes the first out of both. Linked twice, or unlinked twice, it is
   * forgotten (-1) or loses the permit (0, 0).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class GrantAgainstTimeoutOfAFuture {
    private final Impatient timing = new Impatient();
    private final AsyncSemaphore semaphore = semaphore(1, timing);
    private final Permit held = take(semaphore);
    private final CompletableFuture<Permit> future =
        semaphore.acquireAsync(1, Duration.ofMinutes(1));

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void timeOut() {
      timing.alarms.getFirst().run();
    }

    @Arbiter
    public void settle(II_Result result) {
      AsyncSemaphoreJcstress.settle(future, semaphore, result);
    }
  }

  /**
   * Grant against resizing: limit and free units change together, under the lock, while the
   * releaser adds its unit without it. A lost update shows as a limit of zero or two (r2), a missed
   * admission as no answer (-1).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class GrantAgainstSetLimit {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private final CompletableFuture<Permit> future = semaphore.acquireAsync();

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void setLimit() {
      semaphore.setLimit(2);
      semaphore.setLimit(1);
    }

    @Arbiter
    public void settle(II_Result result) {
      AsyncSemaphoreJcstress.settle(future, semaphore, result);
    }
  }

  /**
   * Grant against close: the waiter is granted or refused, never both and never neither, and the
   * flag survives the releaser's addition to the same word.
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "gave up")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class GrantAgainstClose {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private final CompletableFuture<Permit> future = semaphore.acquireAsync();

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void closeSemaphore() {
      semaphore.close();
    }

    @Arbiter
    public void settle(II_Result result) {
      AsyncSemaphoreJcstress.settle(future, semaphore, result);
    }
  }

  /**
   * Joining the line against giving back, as in Dekker's algorithm: the joiner raises the queued
   * flag and then looks for a unit, the releaser adds the unit and then looks at the flag. If
   * either looks first, both can miss each other, and the request waits for ever beside a free unit
   * (-1, 0).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class JoinAgainstRelease {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private CompletableFuture<Permit> future;

    @Actor
    public void release() {
      held.close();
    }

    @Actor
    public void join() {
      future = semaphore.acquireAsync();
    }

    @Arbiter
    public void settle(II_Result result) {
      AsyncSemaphoreJcstress.settle(future, semaphore, result);
    }
  }

  /**
   * Joining the line against the end of its head: a unit is free, but too little for the heavy
   * request in front. Whoever comes second has to let the light one in: the joiner because nobody
   * waits any more, or the one who leaves because the next may fit. If leaving does not look at the
   * next, the light one waits for ever beside a free unit (-1, 0).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "granted")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class JoinAgainstCancelOfTheHead {
    private final AsyncSemaphore semaphore = semaphore(2, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private final CompletableFuture<Permit> heavy = semaphore.acquireAsync(2);
    private CompletableFuture<Permit> light;

    @Actor
    public void cancel() {
      heavy.cancel(true);
    }

    @Actor
    public void join() {
      light = semaphore.acquireAsync();
    }

    @Arbiter
    public void settle(II_Result result) {
      AsyncSemaphoreJcstress.settle(light, semaphore, result);
      held.close();
    }
  }

  /**
   * Both close the lent permit, and one of them acquires the next, which is lent under a new
   * ticket. The first number is what that one got, the second what is free besides. If a ticket is
   * not compared, the slower closer gives the next permit back while it is held (1, 1).
   */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "given back once, taken again")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "not yet given back when asked")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class CloseTwiceLentPermit {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit lent = take(semaphore);
    private Optional<Permit> next = Optional.empty();

    @Actor
    public void closeAndAcquire() {
      lent.close();
      next = semaphore.tryAcquire();
    }

    @Actor
    public void close() {
      lent.close();
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = next.isPresent() ? 1 : 0;
      result.r2 = free(semaphore);
    }
  }

  /**
   * Both close a permit that carries its own mark, beside a lent one that stays out (1). Without a
   * compare-and-set on the mark, both give back, and two units are free (1, 2).
   */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "given back once")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class CloseTwicePermitWithItsOwnMark {
    private final AsyncSemaphore semaphore = semaphore(2, Timing.SYSTEM);
    private final Permit lent = take(semaphore);
    private final Permit own = take(semaphore);

    @Actor
    public void closeHere() {
      own.close();
    }

    @Actor
    public void closeThere() {
      own.close();
    }

    @Arbiter
    public void settle(II_Result result) {
      result.r1 = lent.weight();
      result.r2 = free(semaphore);
    }
  }

  /**
   * Publication through the lent permit: a plain write before the close is visible after the
   * acquire. A release that is not a release, or an acquire that is not one, shows the permit
   * without the write (1, 0).
   */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "too early")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "too early")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "acquired, and sees what was written")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class PublicationThroughTheLentPermit {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private int written;

    @Actor
    public void writeAndRelease() {
      written = 1;
      held.close();
    }

    @Actor
    public void acquireAndRead(II_Result result) {
      result.r1 = semaphore.tryAcquire().isPresent() ? 1 : 0;
      result.r2 = written;
    }
  }

  /** The same through the addition with which a permit with its own mark goes back. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "too early")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "too early")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "acquired, and sees what was written")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class PublicationThroughAPermitWithItsOwnMark {
    private final AsyncSemaphore semaphore = semaphore(2, Timing.SYSTEM);
    private final Permit lent = take(semaphore);
    private final Permit held = take(semaphore);
    private int written;

    @Actor
    public void writeAndRelease() {
      written = 1;
      held.close();
    }

    @Actor
    public void acquireAndRead(II_Result result) {
      result.r1 = lent.weight() == 1 && semaphore.tryAcquire().isPresent() ? 1 : 0;
      result.r2 = written;
    }
  }

  /**
   * The same through the line: what was written before the close is visible to whoever sees the
   * future completed.
   */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "too early")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "too early")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "acquired, and sees what was written")
  @Outcome(expect = FORBIDDEN, desc = "lost, doubled, forgotten or not visible")
  @State
  public static class PublicationThroughTheLine {
    private final AsyncSemaphore semaphore = semaphore(1, Timing.SYSTEM);
    private final Permit held = take(semaphore);
    private final CompletableFuture<Permit> future = semaphore.acquireAsync();
    private int written;

    @Actor
    public void writeAndRelease() {
      written = 1;
      held.close();
    }

    @Actor
    public void acquireAndRead(II_Result result) {
      result.r1 = future.isDone() ? 1 : 0;
      result.r2 = written;
    }
  }
}
