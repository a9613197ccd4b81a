package dev.bouncer.http;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The hosts that asked to be left alone, each until its time is over. A host without a pause takes
 * no memory. Who waits holds neither a thread nor a permit, and goes on in the order of arrival.
 */
final class HostPauses {
  private final Timer timer;
  private final ConcurrentHashMap<String, Pause> pauses = new ConcurrentHashMap<>();
  private final AtomicLong numbers = new AtomicLong();

  HostPauses(Timer timer) {
    this.timer = timer;
  }

  /** Pauses a host, or makes its pause longer. A shorter one than it has changes nothing. */
  void pause(String host, long nanos) {
    if (nanos <= 0) {
      return;
    }
    long end = timer.nanoTime() + nanos;
    pauses.compute(
        host,
        (_, current) -> {
          if (current != null && current.end - end >= 0) {
            return current;
          }
          Pause longer = current == null ? new Pause() : current;
          longer.end = end;
          if (longer.alarm != null) {
            longer.alarm.cancel(false);
          }
          longer.alarm = timer.after(nanos, () -> over(host));
          return longer;
        });
  }

  /**
   * Returns a future that completes when the host's pause is over, or null if it has none. Whoever
   * cancels it does not wait any more.
   */
  @Nullable CompletableFuture<Void> end(String host) {
    CompletableFuture<Void> over = new CompletableFuture<>();
    long number = numbers.incrementAndGet();
    Pause joined =
        pauses.computeIfPresent(
            host,
            (_, pause) -> {
              pause.waiting.put(number, over);
              return pause;
            });
    if (joined == null) {
      return null;
    }
    var _ = over.whenComplete((_, _) -> leave(host, number));
    return over;
  }

  private void leave(String host, long number) {
    pauses.computeIfPresent(
        host,
        (_, pause) -> {
          pause.waiting.remove(number);
          return pause;
        });
  }

  /** How many calls wait for the end of a host's pause. */
  int waiting(String host) {
    int[] waiting = new int[1];
    pauses.computeIfPresent(
        host,
        (_, pause) -> {
          waiting[0] = pause.waiting.size();
          return pause;
        });
    return waiting[0];
  }

  int size() {
    return pauses.size();
  }

  private void over(String host) {
    List<CompletableFuture<Void>> waiting = new ArrayList<>();
    pauses.computeIfPresent(
        host,
        (_, pause) -> {
          if (pause.end - timer.nanoTime() > 0) {
            return pause; // it was made longer: another alarm is set
          }
          waiting.addAll(pause.waiting.values());
          return null;
        });
    waiting.forEach(over -> over.complete(null));
  }

  /** Everything in here is guarded by the map's lock of its key. */
  private static final class Pause {
    /** In the order of arrival. */
    private final Map<Long, CompletableFuture<Void>> waiting = new LinkedHashMap<>();

    private long end;
    private @Nullable Future<?> alarm;
  }
}
