package dev.bouncer;

import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;
import org.jspecify.annotations.Nullable;

/**
 * The one door to the Flight Recorder. Loading the first event class of a JVM costs a quarter of a
 * second, so none is touched before somebody has started the recorder.
 */
final class FlightRecording {
  /** Limiters with a name; known weakly, so that being known keeps none alive. */
  private static final Set<WeakReference<Limiter>> KNOWN = ConcurrentHashMap.newKeySet();

  private static final AtomicBoolean LISTENING = new AtomicBoolean();

  private FlightRecording() {}

  /** The beginning of a wait, or null if nobody records. */
  static @Nullable PermitAcquireEvent waitBegins() {
    if (!FlightRecorder.isInitialized()) {
      return null;
    }
    PermitAcquireEvent event = new PermitAcquireEvent();
    event.begin();
    return event;
  }

  /** Records the wait of a future, from now until it is done. */
  static void waitBegins(CompletableFuture<Permit> future, String limiter, int weight) {
    PermitAcquireEvent event = waitBegins();
    if (event != null && event.isEnabled()) {
      var _ = future.whenComplete((permit, failure) -> event.emit(limiter, weight, failure));
    }
  }

  static void rejected(String limiter, int weight, String reason, int waiting) {
    if (FlightRecorder.isInitialized()) {
      PermitRejectEvent.emit(limiter, weight, reason, waiting);
    }
  }

  static void limitChanged(String limiter, int from, int to, String reason) {
    if (FlightRecorder.isInitialized()) {
      LimitChangeEvent.emit(limiter, from, to, reason);
    }
  }

  static void rateChanged(String limiter, List<Bandwidth> from, List<Bandwidth> to) {
    if (FlightRecorder.isInitialized()) {
      RateChangeEvent.emit(limiter, from, to);
    }
  }

  /** Has the limiter's numbers recorded once a second. */
  static void know(Limiter limiter) {
    if (LISTENING.compareAndSet(false, true)) {
      FlightRecorder.addListener(new Started());
    }
    if (KNOWN.size() % 1024 == 1023) {
      forgetTheDead(); // also when nobody ever records
    }
    KNOWN.add(new WeakReference<>(limiter));
  }

  private static void emitStatistics() {
    forgetTheDead();
    for (WeakReference<Limiter> known : KNOWN) {
      Limiter limiter = known.get();
      if (limiter != null) {
        LimiterStatisticsEvent.emit(limiter.stats());
      }
    }
  }

  private static void forgetTheDead() {
    KNOWN.removeIf(known -> known.refersTo(null));
  }

  private static final class Started implements FlightRecorderListener {
    @Override
    public void recorderInitialized(FlightRecorder recorder) {
      FlightRecorder.addPeriodicEvent(
          LimiterStatisticsEvent.class, FlightRecording::emitStatistics);
    }
  }
}
