package dev.bouncer;

import static dev.bouncer.law.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.law.Eventually.Background;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** {@code leakDetection(true)}: what is reported, and what is not. */
class PermitWatchTest {
  private record Report(String message, Throwable stack) {}

  private final List<Report> reports = new CopyOnWriteArrayList<>();

  private AsyncSemaphore semaphore(int limit) {
    return AsyncSemaphore.builder(limit)
        .name("api")
        .build(
            Timing.SYSTEM,
            new PermitWatch("api", (message, stack) -> reports.add(new Report(message, stack))));
  }

  @Test
  void permitCollectedWithoutClose_isReportedWithItsStackAndGivenBack() throws Exception {
    AsyncSemaphore semaphore = semaphore(2);
    forget(semaphore);
    CompletableFuture<Permit> waiter = semaphore.acquireAsync(2);
    eventually(
        "the leak is noticed",
        () -> {
          System.gc();
          return waiter.isDone();
        });
    waiter.get().close();
    assertEquals(1, reports.size());
    assertEquals(
        "a permit was never closed and has been given back: limiter=api weight=1",
        reports.getFirst().message());
    assertTrue(
        Arrays.stream(reports.getFirst().stack().getStackTrace())
            .anyMatch(frame -> frame.getMethodName().equals("forget")));
    assertEquals(0, semaphore.inUse());
  }

  private static void forget(AsyncSemaphore semaphore) throws InterruptedException {
    assertEquals(1, semaphore.acquire().weight());
  }

  @Test
  void permitsThatAreClosed_areNotReported() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    for (int i = 0; i < 100; i++) {
      semaphore.acquire().close();
      semaphore.acquireAsync().get().close(Outcome.SUCCESS);
    }
    forget(semaphore);
    eventually(
        "the one leak is noticed",
        () -> {
          System.gc();
          return semaphore.inUse() == 0;
        });
    assertEquals(1, reports.size());
  }

  @Test
  void threadThatWaitsForItself_isWarnedOfWithBothStacks() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Background<Boolean> thread =
        Background.virtual(() -> {
          try (Permit first = semaphore.acquire()) {
            return semaphore.tryAcquire(Duration.ofMillis(1)).isEmpty() && first.weight() == 1;
          }
        });
    assertTrue(thread.result());
    assertEquals(1, reports.size());
    assertTrue(reports.getFirst().message().contains("limiter=api"));
    Throwable waits = reports.getFirst().stack();
    assertInstanceOf(PermitWatch.AcquireStack.class, waits.getSuppressed()[0]);
    assertEquals(0, semaphore.inUse());
  }

  @Test
  void waitingBehindOthersOrWhileAFutureHoldsAPermit_isNoWarning() throws Exception {
    AsyncSemaphore semaphore = semaphore(1);
    Permit ofAFuture = semaphore.acquireAsync().get();
    assertTrue(semaphore.tryAcquire(Duration.ofMillis(1)).isEmpty());
    ofAFuture.close();
    Permit mine = semaphore.acquire();
    Background<Permit> other = Background.virtual(semaphore::acquire);
    eventually("it waits", () -> semaphore.waiting() == 1);
    mine.close();
    other.result().close();
    assertEquals(List.of(), reports);
  }
}
