package dev.bouncer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The slots of a {@link MappingRun} between the feeder, who fills them in the order of the inputs,
 * the tasks, which settle them in any order, and the reader, who takes them in the order that the
 * line is about.
 */
abstract sealed class ResultLine<T extends @Nullable Object, R extends @Nullable Object> {
  /** The slot of the next input; the feeder's own. */
  private Slot<T, R> tail;

  private long fed;

  ResultLine(MappingRun<T, R, ?> run) {
    tail = new Slot<>(run);
  }

  // By the feeder.

  /** Fills the next slot. */
  Slot<T, R> feed(T input) {
    Slot<T, R> slot = tail;
    adding(slot);
    slot.feed(input, fed++);
    tail = Objects.requireNonNull(slot.next);
    return slot;
  }

  /** There is no next input. */
  void end(@Nullable Throwable sourceFailure) {
    tail.end(sourceFailure);
    ending(tail);
  }

  abstract void adding(Slot<T, R> slot);

  abstract void ending(Slot<T, R> end);

  // By whoever settles a slot.

  /** A slot has its outcome. */
  abstract void settled(Slot<T, R> slot);

  /** A slot's task has ended; true if that may be what the reader waits for. */
  abstract boolean ended(Slot<T, R> slot);

  // By the reader.

  /** Takes the next settled slot; the end slot is not taken away. Null if there is none yet. */
  abstract @Nullable Slot<T, R> poll();

  abstract boolean hasNext();

  /** Visits at least all slots that were fed before the call and whose task has not ended. */
  abstract void forEachUnended(Consumer<? super Slot<T, R>> action);

  final int countUnended(Predicate<? super Slot<T, R>> condition) {
    int[] count = {0};
    forEachUnended(slot -> {
      if (condition.test(slot)) {
        count[0]++;
      }
    });
    return count[0];
  }

  /** Results in the order of the inputs. The slots are linked; the head is the reader's. */
  static final class InputOrder<T extends @Nullable Object, R extends @Nullable Object>
      extends ResultLine<T, R> {
    private static final VarHandle HEAD;

    static {
      try {
        HEAD = MethodHandles.lookup().findVarHandle(InputOrder.class, "head", Slot.class);
      } catch (ReflectiveOperationException impossible) {
        throw new ExceptionInInitializerError(impossible);
      }
    }

    /** Written by the reader; others start to walk here. */
    private volatile Slot<T, R> head;

    InputOrder(MappingRun<T, R, ?> run) {
      super(run);
      head = super.tail;
    }

    @Override
    void adding(Slot<T, R> slot) {}

    @Override
    void ending(Slot<T, R> end) {}

    @Override
    void settled(Slot<T, R> slot) {}

    @Override
    boolean ended(Slot<T, R> slot) {
      return false;
    }

    @Override
    @Nullable Slot<T, R> poll() {
      Slot<T, R> slot = head;
      if (!slot.isSettled()) {
        return null;
      }
      if (!slot.isEnd()) {
        HEAD.setRelease(this, Objects.requireNonNull(slot.next));
      }
      return slot;
    }

    @Override
    boolean hasNext() {
      return head.isSettled();
    }

    @Override
    void forEachUnended(Consumer<? super Slot<T, R>> action) {
      for (Slot<T, R> slot = head; slot.isFed(); slot = Objects.requireNonNull(slot.next)) {
        if (slot.isUnended()) {
          action.accept(slot);
        }
      }
    }
  }

  /** Results as they come. */
  static final class FinishOrder<T extends @Nullable Object, R extends @Nullable Object>
      extends ResultLine<T, R> {
    private final ConcurrentLinkedQueue<Slot<T, R>> settled = new ConcurrentLinkedQueue<>();
    private final Set<Slot<T, R>> unended = ConcurrentHashMap.newKeySet();
    private volatile @Nullable Slot<T, R> end;

    FinishOrder(MappingRun<T, R, ?> run) {
      super(run);
    }

    @Override
    void adding(Slot<T, R> slot) {
      unended.add(slot);
    }

    @Override
    void ending(Slot<T, R> slot) {
      end = slot;
    }

    @Override
    void settled(Slot<T, R> slot) {
      settled.add(slot);
    }

    @Override
    boolean ended(Slot<T, R> slot) {
      unended.remove(slot);
      return end != null && unended.isEmpty();
    }

    @Override
    @Nullable Slot<T, R> poll() {
      Slot<T, R> slot = settled.poll();
      if (slot != null || end == null || !unended.isEmpty()) {
        return slot;
      }
      slot = settled.poll(); // may have come before the last one ended
      return slot != null ? slot : end;
    }

    @Override
    boolean hasNext() {
      return !settled.isEmpty() || (end != null && unended.isEmpty());
    }

    @Override
    void forEachUnended(Consumer<? super Slot<T, R>> action) {
      unended.forEach(action);
    }
  }
}
