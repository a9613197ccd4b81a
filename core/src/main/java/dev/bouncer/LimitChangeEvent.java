package dev.bouncer;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/** A limit was changed while it was in use. Made through {@link FlightRecording}. */
@Name("dev.bouncer.LimitChange")
@Label("Limit Change")
@Category({"Bouncer", "Limits"})
@StackTrace(false)
final class LimitChangeEvent extends Event {
  @Label("Limiter")
  @Nullable String limiter;

  @Label("From")
  int from;

  @Label("To")
  int to;

  @Label("Reason")
  @Description("set by the program, or what an adaptive limiter saw")
  @Nullable String reason;

  // Not called commit: the JFR would take a static method of that name for one of its own.
  static void emit(String limiter, int from, int to, String reason) {
    LimitChangeEvent event = new LimitChangeEvent();
    if (event.shouldCommit()) {
      event.limiter = limiter;
      event.from = from;
      event.to = to;
      event.reason = reason;
      event.commit();
    }
  }
}
