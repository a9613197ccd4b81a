package dev.bouncer.redis;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What has to be done when the lock was let go: nothing of it may be done under a lock. */
final class Outbox {
  private final List<Waiter> decided = new ArrayList<>(2);
  private final List<Runnable> actions = new ArrayList<>(1);
  private @Nullable Message message;

  /** Called with the lock held, so that whoever looks next sees that something is on its way. */
  void decided(Waiter waiter) {
    waiter.owner.deliveryBegins();
    decided.add(waiter);
  }

  void then(Runnable action) {
    actions.add(action);
  }

  void message(@Nullable Message ready) {
    if (ready != null) {
      message = ready;
    }
  }

  void send(LocalLine line) {
    for (Waiter waiter : decided) {
      waiter.tell();
      line.deliveryEnds();
    }
    if (message != null) {
      line.dispatch(message);
    }
    actions.forEach(Runnable::run);
  }
}
