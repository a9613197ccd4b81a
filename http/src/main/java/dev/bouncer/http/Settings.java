package dev.bouncer.http;

import dev.bouncer.Limiter;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What the calls of one client share.
 *
 * @param whole the limiter of all calls, or null
 * @param perHost the limiter of a host, or null
 * @param deadlineNanos for a whole call, or null
 */
record Settings(
    @Nullable Limiter whole,
    @Nullable Function<? super String, ? extends Limiter> perHost,
    Timer timer,
    HostPauses pauses,
    Retries retries,
    Predicate<? super HttpRequest> retryIf,
    int maxRedirects,
    long maxPauseNanos,
    long idleNanos,
    @Nullable Long deadlineNanos,
    @Nullable Consumer<? super AttemptEvent> onAttempt) {

  /** Returns the limiters that a call to the host needs a permit of, in the order of asking. */
  List<Limiter> limitersFor(String host) {
    List<Limiter> limiters = new ArrayList<>(2);
    if (perHost != null) {
      limiters.add(perHost.apply(host));
    }
    if (whole != null) {
      limiters.add(whole);
    }
    return limiters;
  }
}
