package dev.bouncer;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The permits that one request has got of {@link Parts} so far. Confined to one thread a time. */
final class PartPermits {
  private final Parts parts;
  private final int weight;
  private final @Nullable Permit[] taken;

  PartPermits(Parts parts, int weight) {
    this.parts = parts;
    this.weight = weight;
    this.taken = new @Nullable Permit[parts.size()];
  }

  /** Takes what is not taken yet; the first part that had none, or their number if all had. */
  int takeMissing() {
    for (int part = 0; part < taken.length; part++) {
      if (taken[part] == null) {
        Permit permit = parts.get(part).tryAcquire(weight).orElse(null);
        if (permit == null) {
          return part;
        }
        taken[part] = permit;
      }
    }
    return taken.length;
  }

  /** A permit that was waited for. */
  void put(int part, Permit permit) {
    taken[part] = permit;
  }

  /** All permits, of which there is one of each part. */
  List<Permit> complete() {
    List<Permit> all = new ArrayList<>(taken.length);
    for (Permit permit : taken) {
      all.add(Objects.requireNonNull(permit));
    }
    return all;
  }

  /** Gives those of this part and of the parts behind it back, unused, the last one first. */
  void giveBackFrom(int part) {
    List<Permit> back = new ArrayList<>();
    for (int i = part; i < taken.length; i++) {
      Permit permit = taken[i];
      if (permit != null) {
        taken[i] = null;
        back.add(permit);
      }
    }
    close(back, Outcome.UNUSED);
  }

  /**
   * Closes all of them, the last one first, also if one fails to; throws what the first of those
   * threw.
   */
  static void close(List<Permit> permits, Outcome outcome) {
    Throwable failure = null;
    for (Permit permit : permits.reversed()) {
      try {
        permit.close(outcome);
      } catch (RuntimeException | Error failed) {
        if (failure == null) {
          failure = failed;
        } else if (failure != failed) {
          failure.addSuppressed(failed);
        }
      }
    }
    switch (failure) {
      case null -> {}
      case Error error -> throw error;
      default -> throw (RuntimeException) failure;
    }
  }
}
