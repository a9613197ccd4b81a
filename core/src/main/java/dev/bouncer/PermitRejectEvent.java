package dev.bouncer;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/** Somebody was sent away. Made through {@link FlightRecording}. */
@Name("dev.bouncer.PermitReject")
@Label("Permit Reject")
@Description("A request for a permit that was refused")
@Category({"Bouncer", "Limits"})
@StackTrace(false)
final class PermitRejectEvent extends Event {
  @Label("Limiter")
  @Nullable String limiter;

  @Label("Weight")
  int weight;

  @Label("Reason")
  @Description("full, dropped or closed")
  @Nullable String reason;

  @Label("Waiting")
  int waiting;

  // Not called commit: the JFR would take a static method of that name for one of its own.
  static void emit(String limiter, int weight, String reason, int waiting) {
    PermitRejectEvent event = new PermitRejectEvent();
    if (event.shouldCommit()) {
      event.limiter = limiter;
      event.weight = weight;
      event.reason = reason;
      event.waiting = waiting;
      event.commit();
    }
  }
}
