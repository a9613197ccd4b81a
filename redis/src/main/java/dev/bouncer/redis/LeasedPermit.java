package dev.bouncer.redis;

import dev.bouncer.Permit;
import java.util.concurrent.CompletableFuture;

/**
 * A permit that is lent by another machine and can be lost: when its holder is cut off or paused
 * for too long, the units go to somebody else, while the holder's code may still run.
 *
 * <p>Nothing that this JVM does can prevent that; three things make it harmless. {@link #lost()}
 * tells when it happens, so that the work can be stopped. {@link #isValid()} tells before a step
 * that matters, without asking anybody. {@link #fencingToken()} goes with each request to a
 * resource that remembers the highest token it has seen and refuses lower ones: only that protects
 * against work that goes on after the permit was lost.
 */
public interface LeasedPermit extends Permit {

  /**
   * Returns a number that grows with every grant, also after Redis lost all its data: a permit that
   * was granted after this one was lost has a higher token. With {@code strictFifo} tokens grow in
   * the order of the grants; when permits are reused inside a JVM, those of one JVM do.
   *
   * @return the token, above zero
   */
  long fencingToken();

  /**
   * Returns whether this permit can be relied on at this moment: it was not given back, not lost,
   * and Redis has confirmed within the grace, by the monotonic clock, that this JVM is alive. After
   * a pause of the process this is false until Redis has confirmed again; it stays false once
   * {@link #lost()} has completed. Costs a few nanoseconds.
   *
   * @return whether the permit can be relied on
   */
  boolean isValid();

  /**
   * Returns a future that completes once, with the reason in a sentence, when this permit can no
   * longer be relied on; it never completes if the permit is given back before that. Dependent
   * actions run on a virtual thread. Each call returns the same future; completing it by hand
   * changes nothing but the future.
   *
   * @return a future of why the permit was lost
   */
  CompletableFuture<String> lost();
}
