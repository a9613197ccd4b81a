package dev.bouncer.redis;

import java.util.ArrayList;
import java.util.List;

/** What has to be done when the lock was let go: nothing of it may be done under a lock. */
final class Outbox {
  private final List<Waiter> decided = new ArrayList<>(2);
  private final List<Runnable> actions = new ArrayList<>(1);

  /** Called with the lock held, so that whoever looks next sees that something is on its way. */
  void decided(Waiter waiter) {
    waiter.owner.deliveries().begin();
    decided.add(waiter);
  }

  void then(Runnable action) {
    actions.add(action);
  }

  void send() {
    for (Waiter waiter : decided) {
      waiter.tell();
      waiter.owner.deliveries().end();
    }
    actions.forEach(Runnable::run);
  }
}
