package dev.bouncer.redis;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the script answers.
 *
 * @param granted how many grants the session has had
 * @param othersWaiting requests of other sessions in line
 * @param limit in force
 * @param othersInUse units that other sessions hold
 * @param windowMillis until anybody is granted anything; zero in normal times
 * @param nextCheckMillis until it is worth looking again whether somebody is gone; zero if unknown
 * @param fence the highest that the semaphore has given
 * @param epoch how often the session's demand was voided
 * @param grants those that the session has not acknowledged yet, oldest first
 */
record Answer(
    Status status,
    long granted,
    int othersWaiting,
    int limit,
    int othersInUse,
    long windowMillis,
    long nextCheckMillis,
    long fence,
    long epoch,
    List<Grant> grants) {

  /** Whether the server and the session still know the same. */
  enum Status {
    /** All is well. */
    OK,
    /** The server forgot what the session wants: it must say everything once more. */
    RESYNC,
    /** The server gave the session's units to somebody else. */
    LOST
  }

  /**
   * One permit.
   *
   * @param number counts the session's grants from 1
   * @param run of wishes that it fulfils
   * @param weight in units
   * @param fence grows with every grant of the semaphore
   */
  record Grant(long number, long run, int weight, long fence) {

    /** Reads {@code "number run weight fence;…"}. */
    static List<Grant> parse(String text) {
      if (text.isEmpty()) {
        return List.of();
      }
      List<Grant> grants = new ArrayList<>();
      for (String grant : text.split(";", 0)) {
        String[] parts = grant.split(" ", -1);
        if (parts.length != 4) {
          throw new IllegalArgumentException("grant must have four numbers: grant=" + grant);
        }
        grants.add(
            new Grant(
                Long.parseLong(parts[0]),
                Long.parseLong(parts[1]),
                Integer.parseInt(parts[2]),
                Long.parseLong(parts[3])));
      }
      return grants;
    }
  }

  /** Reads what came from the server; anything unexpected is an IllegalArgumentException. */
  static Answer parse(List<Object> reply) {
    if (reply.size() != 10
        || !(reply.getFirst() instanceof String status)
        || !(reply.getLast() instanceof String grants)) {
      throw new IllegalArgumentException("answer must have ten parts: answer=" + reply);
    }
    return new Answer(
        Status.valueOf(status.toUpperCase(Locale.ROOT)),
        number(reply, 1),
        toInt(number(reply, 2)),
        toInt(number(reply, 3)),
        toInt(number(reply, 4)),
        number(reply, 5),
        number(reply, 6),
        number(reply, 7),
        number(reply, 8),
        Grant.parse(grants));
  }

  private static long number(List<Object> reply, int index) {
    if (reply.get(index) instanceof Long number) {
      return number;
    }
    throw new IllegalArgumentException("answer must have numbers: answer=" + reply);
  }

  private static int toInt(long number) {
    return Math.clamp(number, Integer.MIN_VALUE, Integer.MAX_VALUE);
  }
}
