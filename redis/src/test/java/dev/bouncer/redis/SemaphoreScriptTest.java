package dev.bouncer.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the script says to single messages, each written by hand, at times that the test sets. */
class SemaphoreScriptTest {
  private static final int GRACE = 2_000;
  private static final int LEASE = 30_000;

  private final Set<String> heard = new HashSet<>(); // channels that somebody listens to
  private final List<String> pushed = new ArrayList<>();
  private long millis = 1_700_000_000_000L;
  private String run = "run-1";
  private final ScriptedRedis redis =
      new ScriptedRedis(
          () -> millis * 1_000,
          () -> List.copyOf(heard),
          channel -> heard.contains(channel) ? 1 : 0,
          (channel, text) -> {
            if (heard.contains(channel)) {
              pushed.add(channel + " " + text);
            }
          });

  /** What a JVM sends and what it knows; a test changes what it is about. */
  private final class Speaker {
    private final String id;
    private String flags = "fb";
    private long number;
    private long known;
    private long released;
    private int held;
    private long fence;
    private long epoch;
    private long answered;
    private String limit = "";

    Speaker(String id) {
      this.id = id;
      listens(true);
    }

    void listens(boolean whether) {
      var _ = whether ? heard.add(channel()) : heard.remove(channel());
    }

    private String channel() {
      return "bouncer:{s}:session:" + id;
    }

    /** Sends the next message, and takes no notice of the answer. */
    Answer says(String wishes) {
      number++;
      List<Object> reply =
          redis.run(
              List.of("bouncer:{s}:state", "bouncer:{s}:line", "bouncer:{s}:leases"),
              List.of(
                  id,
                  flags,
                  "" + number,
                  "" + known,
                  "" + released,
                  "" + held,
                  run,
                  "0",
                  "" + GRACE,
                  "" + LEASE,
                  "1",
                  limit,
                  "" + fence,
                  "bouncer:{s}:session:",
                  "" + epoch,
                  "" + answered,
                  wishes));
      return Answer.parse(reply);
    }

    /** Sends the next message, and learns what the answer says. */
    Answer talks(String wishes) {
      Answer answer = says(wishes);
      if (answer.status() == Answer.Status.OK) {
        flags = "b";
        answered = number;
      } else {
        flags = "fb";
        epoch = answer.epoch();
      }
      answer.grants().stream().filter(grant -> grant.number() > known).forEach(this::has);
      known = Math.max(known, answer.granted());
      return answer;
    }

    private void has(Answer.Grant grant) {
      known = grant.number();
      held += grant.weight();
      fence = grant.fence();
    }

    void gives(int units) {
      released += units;
      held -= units;
    }
  }

  private String state(String field) {
    return redis.hash("bouncer:{s}:state").get(field);
  }

  @Test
  void demand_voidedWhileTheFirstAnswerWasLost_isAskedForAgain() {
    Speaker holder = new Speaker("holder");
    holder.talks("1 1 1 q;");
    Speaker waiter = new Speaker("waiter");
    var _ = waiter.says("1 1 1 q;"); // stands in line, and does not know it
    waiter.listens(false);
    holder.gives(1);
    holder.talks("");
    assertEquals("0", state("waiting"), "nobody listened: out of the line");
    waiter.listens(true);
    assertEquals(Answer.Status.RESYNC, waiter.talks("1 1 1 q;").status());
    assertEquals(1, waiter.talks("2 1 1 q;").grants().size());
  }

  @Test
  void grants_takenBackBeforeTheyWereHeardOf_leaveTheOthersOfTheSession() {
    Speaker holder = new Speaker("holder");
    holder.limit = "2";
    holder.talks("1 1 1 q;");
    holder.talks("");
    assertEquals(1, holder.held);
    var _ = holder.says("2 1 1 q;"); // granted, and it does not hear the answer
    assertEquals("2", state("used"));
    Speaker waiter = new Speaker("waiter");
    waiter.talks("1 1 1 q;");
    for (int i = 0; i < 10; i++) {
      millis += 250;
      waiter.talks("");
    }
    assertEquals(1, waiter.held, "has what the silent one never learned of");
    assertEquals(Answer.Status.RESYNC, holder.talks("").status());
    assertEquals(Answer.Status.OK, holder.talks("3 1 1 q;").status());
    assertEquals("2", state("used"));
    assertEquals("1", state("waiting"));
  }

  @Test
  void clock_leapsForwardInsideTheWindow_windowIsKept() {
    Speaker holder = new Speaker("holder");
    holder.talks("1 1 1 q;");
    redis.flushAll();
    Speaker waiter = new Speaker("waiter");
    assertEquals(GRACE, waiter.talks("1 1 1 q;").windowMillis());
    millis += 60_000; // nobody's time but the server's
    Answer later = waiter.talks("");
    assertEquals(List.of(), later.grants(), "the holder had no grace to come back");
    assertEquals(GRACE, later.windowMillis());
  }

  @Test
  void stateIsMissing_messageKnowsOfGrants_nothingIsGrantedForAGrace() {
    Speaker one = new Speaker("one");
    one.talks("1 1 1 q;");
    one.gives(1);
    one.talks("");
    Speaker two = new Speaker("two");
    two.talks("1 1 1 q;");
    assertEquals(1, two.held);
    one.listens(false);
    two.listens(false); // both are cut off, and the data is lost meanwhile
    redis.flushAll();
    one.listens(true);
    one.talks("");
    Answer answer = one.talks("2 1 1 q;");
    assertEquals(List.of(), answer.grants(), "the other one still holds");
    assertEquals(GRACE, answer.windowMillis());
  }

  @Test
  void state_olderThanAnAnsweredWish_isAskedForAgain() {
    Speaker holder = new Speaker("holder");
    holder.talks("1 1 1 q;");
    Speaker waiter = new Speaker("waiter");
    waiter.talks("");
    Runnable then = redis.snapshot();
    waiter.talks("1 1 1 q;");
    then.run(); // a replica takes over that has not seen the wish
    run = "run-2";
    assertEquals(Answer.Status.RESYNC, waiter.talks("").status());
    assertEquals(Answer.Status.OK, waiter.talks("2 1 1 q;").status());
    assertEquals("1", state("waiting"));
  }

  @Test
  void attempts_holderIsDead_haveItsUnitsAfterAGrace() {
    Speaker holder = new Speaker("holder");
    holder.talks("1 1 1 q;");
    holder.listens(false);
    Speaker trier = new Speaker("trier");
    int attempt = 0;
    while (trier.held == 0) {
      attempt++;
      assertTrue(attempt < 40, "nobody looks whether the holder is gone");
      millis += 100;
      trier.talks(attempt + " 1 1 t;");
    }
  }

  @Test
  void state_madeByAMessageThatIsNotTaken_expiresLikeAnyOther() {
    Speaker stranger = new Speaker("stranger");
    stranger.flags = "";
    assertEquals(Answer.Status.RESYNC, stranger.says("").status());
    assertEquals("1", state("format"));
    assertTrue(redis.isExpiring("bouncer:{s}:state"));
  }

  @Test
  void answer_tellsTheHighestFence() {
    Speaker holder = new Speaker("holder");
    holder.talks("1 1 1 q;");
    assertEquals(holder.fence, new Speaker("other").talks("").fence());
  }
}
