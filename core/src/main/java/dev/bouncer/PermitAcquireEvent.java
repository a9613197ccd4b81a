package dev.bouncer;

import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import org.jspecify.annotations.Nullable;

/** Somebody waited for a permit. Made through {@link FlightRecording}. */
@Name("dev.bouncer.PermitAcquire")
@Label("Permit Acquire")
@Description("A wait for a permit, whether it ended with one or not")
@Category({"Bouncer", "Limits"})
@Threshold("10 ms")
@StackTrace(false)
final class PermitAcquireEvent extends Event {
  @Label("Limiter")
  @Nullable String limiter;

  @Label("Weight")
  int weight;

  @Label("Outcome")
  @Description("acquired, timed out, interrupted, cancelled or refused")
  @Nullable String outcome;

  @Label("Asynchronous")
  boolean asynchronous;

  /** Ends the wait and records it if it was long enough. */
  void emit(String limiter, int weight, String outcome, boolean asynchronous) {
    end();
    if (shouldCommit()) {
      this.limiter = limiter;
      this.weight = weight;
      this.outcome = outcome;
      this.asynchronous = asynchronous;
      commit();
    }
  }

  /** Ends the wait of a future and records it if it was long enough. */
  void emit(String limiter, int weight, @Nullable Throwable failure) {
    emit(limiter, weight, outcome(failure), true);
  }

  private static String outcome(@Nullable Throwable failure) {
    return switch (failure) {
      case null -> "acquired";
      case TimeoutException _ -> "timed out";
      case CancellationException _ -> "cancelled";
      default -> "refused";
    };
  }
}
