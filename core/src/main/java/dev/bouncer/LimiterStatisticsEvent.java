package dev.bouncer;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Period;
import jdk.jfr.StackTrace;
import org.jspecify.annotations.Nullable;

/** The numbers of every limiter that was given a name, once a second while it is recorded. */
@Name("dev.bouncer.LimiterStatistics")
@Label("Limiter Statistics")
@Category({"Bouncer", "Limits"})
@Period("1 s")
@StackTrace(false)
final class LimiterStatisticsEvent extends Event {
  @Label("Limiter")
  @Nullable String limiter;

  @Label("Limit")
  int limit;

  @Label("In Use")
  int inUse;

  @Label("Waiting")
  int waiting;

  @Label("Acquired")
  long acquired;

  @Label("Rejected")
  long rejected;

  @Label("Timed Out")
  long timedOut;

  @Label("Cancelled")
  long cancelled;

  static void emit(LimiterStats stats) {
    LimiterStatisticsEvent event = new LimiterStatisticsEvent();
    event.limiter = stats.name();
    event.limit = stats.limit();
    event.inUse = stats.inUse();
    event.waiting = stats.waiting();
    event.acquired = stats.acquired();
    event.rejected = stats.rejected();
    event.timedOut = stats.timedOut();
    event.cancelled = stats.cancelled();
    event.commit();
  }
}
