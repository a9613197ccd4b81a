package dev.bouncer.http;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * The hosts that asked to be left alone, each until its time is over. A host without a pause takes
 * no memory. Who waits holds neither a thread nor a permit, and goes on in the order of arrival.
 */
final class HostPauses {
  private final Timer timer;
  private final ConcurrentHashMap<String, Pause> pauses = new ConcurrentHashMap<>();

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

  /** Returns a future that completes when the host's pause is over, or null if it has none. */
  @Nullable CompletableFuture<Void> end(String host) {
    CompletableFuture<Void> over = new CompletableFuture<>();
    Pause joined =
        pauses.computeIfPresent(
            host,
            (_, pause) -> {
              pause.waiting.add(over);
              return pause;
            });
    return joined == null ? null : over;
  }

  int size() {
    return pauses.size();
  }

  private void over(String host) {
    Queue<CompletableFuture<Void>> waiting = new ArrayDeque<>();
    pauses.computeIfPresent(
        host,
        (_, pause) -> {
          if (pause.end - timer.nanoTime() > 0) {
            return pause; // it was made longer: another alarm is set
          }
          waiting.addAll(pause.waiting);
          return null;
        });
    waiting.forEach(over -> over.complete(null));
  }

  /** Everything in here is guarded by the map's lock of its key. */
  private static final class Pause {
    private final Queue<CompletableFuture<Void>> waiting = new ArrayDeque<>();
    private long end;
    private @Nullable Future<?> alarm;
  }
}
