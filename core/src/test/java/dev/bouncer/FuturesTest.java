package dev.bouncer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class FuturesTest {
  private static final Duration LONG = Duration.ofDays(365_000);

  private final CompletableFuture<Integer> a = new CompletableFuture<>();
  private final CompletableFuture<Integer> b = new CompletableFuture<>();
  private final CompletableFuture<Integer> c = new CompletableFuture<>();
  private final List<CompletableFuture<Integer>> all = List.of(a, b, c);

  @Test
  void asCompleted_givesThemInTheOrderOfCompletion() {
    b.complete(2);
    var iterator = Futures.asCompleted(all).iterator();
    assertSame(b, iterator.next());
    c.completeExceptionally(new IllegalStateException());
    assertSame(c, iterator.next());
    a.complete(1);
    assertSame(a, iterator.next());
    assertTrue(!iterator.hasNext());
    assertEquals(0, Futures.asCompleted(List.<CompletableFuture<?>>of()).count());
  }

  @Test
  void asCompleted_interrupted_throwsAndKeepsTheFlag() {
    a.complete(1);
    var iterator = Futures.asCompleted(all).iterator();
    assertSame(a, iterator.next());
    Thread.currentThread().interrupt();
    var thrown = assertThrows(CompletionException.class, iterator::hasNext);
    assertTrue(Thread.interrupted());
    assertEquals("interrupted while waiting: 2 of 3 unfinished", thrown.getMessage());
    assertInstanceOf(InterruptedException.class, thrown.getCause());
  }

  @Test
  void awaitAll_timeUp_saysHowManyAreUnfinished() throws Exception {
    a.complete(1);
    var thrown =
        assertThrows(TimeoutException.class, () -> Futures.awaitAll(all, Duration.ofMillis(1)));
    assertEquals("2 of 3 unfinished: timeout=PT0.001S", thrown.getMessage());
    b.cancel(false);
    c.complete(3);
    Futures.awaitAll(all, Duration.ZERO);
    Futures.awaitAll(all, LONG);
  }

  @Test
  void awaitAny_givesTheFirst() throws Exception {
    var thrown = assertThrows(TimeoutException.class, () -> Futures.awaitAny(all, Duration.ZERO));
    assertEquals("3 of 3 unfinished: timeout=PT0S", thrown.getMessage());
    c.complete(3);
    assertSame(c, Futures.awaitAny(all, LONG));
    assertThrows(IllegalArgumentException.class, () -> Futures.awaitAny(List.of(), LONG));
  }

  @Test
  void awaitFirstFailure_givesTheFailureOrNothing() throws Exception {
    a.complete(1);
    var thrown =
        assertThrows(
            TimeoutException.class, () -> Futures.awaitFirstFailure(all, Duration.ofMillis(1)));
    assertEquals("2 of 3 unfinished: timeout=PT0.001S", thrown.getMessage());
    b.completeExceptionally(new IllegalStateException());
    assertEquals(Optional.of(b), Futures.awaitFirstFailure(all, LONG));
    c.complete(3);
    assertEquals(Optional.empty(), Futures.awaitFirstFailure(List.of(a, c), LONG));
  }
}
