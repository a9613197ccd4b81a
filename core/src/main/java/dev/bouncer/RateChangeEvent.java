package dev.bouncer;

import java.util.List;
import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/** A rate was changed while it was in use. Made through {@link FlightRecording}. */
@Name("dev.bouncer.RateChange")
@Label("Rate Change")
@Category({"Bouncer", "Limits"})
@StackTrace(false)
final class RateChangeEvent extends Event {
  @Label("Limiter")
  @Nullable String limiter;

  @Label("From")
  @Nullable String from;

  @Label("To")
  @Nullable String to;

  // Not called commit: the JFR would take a static method of that name for one of its own.
  static void emit(String limiter, List<Bandwidth> from, List<Bandwidth> to) {
    RateChangeEvent event = new RateChangeEvent();
    if (event.shouldCommit()) {
      event.limiter = limiter;
      event.from = from.toString();
      event.to = to.toString();
      event.commit();
    }
  }
}
