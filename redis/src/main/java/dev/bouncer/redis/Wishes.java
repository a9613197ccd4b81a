package dev.bouncer.redis;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Who wants a permit in this JVM, and which {@link Run} Redis knows it by: those that stand in
 * line, and attempts, which are served at once or not at all and have a run each. Guarded by the
 * lock of the {@link LocalLine}.
 */
final class Wishes {
  private final WaiterList line = new WaiterList();
  private List<Waiter> attempts = new ArrayList<>(); // not sent yet

  @Nullable Waiter firstInLine() {
    return line.first();
  }

  int waiting() {
    return line.size();
  }

  /** Whether Redis knows of somebody in line. */
  boolean isLineKnown() {
    return line.sent() > 0;
  }

  boolean hasUnsent() {
    return line.firstUnsent() != null;
  }

  void append(Waiter waiter) {
    line.append(waiter);
  }

  void attempt(Waiter waiter) {
    attempts.add(waiter);
  }

  /**
   * Takes a waiter out; a wish that Redis knows is withdrawn with the next message.
   *
   * @return whether Redis, or those behind it in line, may care
   */
  boolean remove(Waiter waiter, Session session) {
    if (attempts.remove(waiter)) {
      return false;
    }
    Run run = waiter.run;
    if (run != null && run.attempt) {
      run.removed(waiter, null);
    } else {
      line.remove(waiter);
    }
    if (run != null) {
      session.withdrawn(run);
    }
    return true;
  }

  /** Takes out a waiter that Redis has served. */
  void fulfilled(Waiter waiter, Run run, Session session) {
    if (run.attempt) {
      run.removed(waiter, null);
      session.forget(run);
    } else {
      line.remove(waiter);
      if (run.isEmpty()) {
        session.forgetIfUnchanged(run);
      }
    }
  }

  /** The runs that go with the message that is made now. */
  List<Run> take(Session session) {
    Run filling = null; // a run that was sent never grows
    for (Waiter waiter = line.firstUnsent(); waiter != null; waiter = line.firstUnsent()) {
      if (filling == null || filling.weight != waiter.weight) {
        filling = session.newRun(waiter.weight, false);
      }
      line.sent(waiter, filling);
    }
    for (Waiter waiter : attempts) {
      Run run = session.newRun(waiter.weight, true);
      run.add(waiter);
      waiter.run = run;
    }
    attempts = new ArrayList<>();
    return session.takeChanges();
  }

  /** Redis knows of nobody in line any more. */
  void unsendLine() {
    line.unsendAll();
  }

  /** Attempts that were not sent are over. */
  void giveUpAttempts(Consumer<Waiter> refusal) {
    List<Waiter> all = attempts;
    attempts = new ArrayList<>();
    all.forEach(refusal);
  }

  /** Attempts in these runs that Redis did not answer with a grant are over. */
  static void giveUpAttempts(List<Run> runs, Session session, Consumer<Waiter> refusal) {
    for (Run run : runs) {
      Waiter waiter = run.first();
      if (run.attempt) {
        session.forget(run);
        if (waiter != null) {
          run.removed(waiter, null);
          refusal.accept(waiter);
        }
      }
    }
  }

  /** Redis took no notice of the attempts in these runs: they are made once more. */
  void repeatAttempts(List<Run> runs) {
    for (Run run : runs) {
      Waiter waiter = run.first();
      if (run.attempt && waiter != null) {
        waiter.run = null;
        attempts.add(waiter);
      }
    }
  }
}
