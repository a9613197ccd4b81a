package dev.bouncer;

import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Permits between the grant, which is under the lock of a line, and the moment when whoever was
 * granted asks for the object. Any will do that has the weight; for each that was granted somebody
 * comes. For all threads.
 */
final class GrantedPermits<P extends Permit> {
  private final Queue<P> granted = new ConcurrentLinkedQueue<>();

  void add(P permit) {
    granted.add(permit);
  }

  /** Takes the one of this weight that was granted first. */
  P remove(int weight) {
    while (true) {
      for (Iterator<P> all = granted.iterator(); all.hasNext(); ) {
        P permit = all.next();
        if (permit.weight() == weight && granted.remove(permit)) {
          return permit;
        }
      }
    }
  }
}
