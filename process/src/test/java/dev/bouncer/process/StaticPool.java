package dev.bouncer.process;

import java.util.concurrent.ExecutionException;

/** The trap: the lambda is rebuilt in the worker, which initialises this class there, too. */
final class StaticPool {
  private static final ProcessPool POOL = ProcessPool.of(1);

  private StaticPool() {}

  public static void main(String[] arguments) throws Exception {
    try (POOL) {
      System.out.println(POOL.submit(() -> 1).get());
    } catch (ExecutionException refused) {
      refused.printStackTrace(System.out);
    }
  }
}
