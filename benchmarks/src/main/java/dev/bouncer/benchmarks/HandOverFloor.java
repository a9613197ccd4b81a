package dev.bouncer.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

/**
 * What S2 costs without any semaphore: the same 1,000 virtual threads in five rings, each of which
 * is unparked by its neighbour, yields, and unparks the next. One park, one yield and one unpark a
 * pair are what every first in, first out semaphore pays; only what comes on top is its own.
 */
final class HandOverFloor {
  private static final int RINGS = 5;
  private static final int THREADS_A_RING = 200;
  private static final int ROUNDS = 400;

  private HandOverFloor() {}

  @SuppressWarnings("ThreadPriorityCheck") // the yield is part of the question
  private static final class Member {
    private volatile int turns;
    private Thread thread = Thread.currentThread();
    private Member next = this;

    void run() {
      for (int taken = 0; taken < ROUNDS; taken++) {
        while (turns == taken) {
          LockSupport.park(this);
        }
        Thread.yield();
        next.pass();
      }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // only its one neighbour writes
    void pass() {
      turns++;
      LockSupport.unpark(thread);
    }
  }

  static double nanosAPair() throws InterruptedException {
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    List<Member> heads = new ArrayList<>();
    for (int ring = 0; ring < RINGS; ring++) {
      List<Member> members = new ArrayList<>();
      for (int i = 0; i < THREADS_A_RING; i++) {
        members.add(new Member());
      }
      for (int i = 0; i < THREADS_A_RING; i++) {
        Member member = members.get(i);
        member.next = members.get((i + 1) % THREADS_A_RING);
        member.thread =
            Thread.ofVirtual()
                .unstarted(() -> {
                  try {
                    start.await();
                  } catch (InterruptedException impossible) {
                    throw new AssertionError(impossible);
                  }
                  member.run();
                });
        threads.add(member.thread);
      }
      heads.add(members.getFirst());
    }
    threads.forEach(Thread::start);
    long begin = System.nanoTime();
    heads.forEach(Member::pass);
    start.countDown();
    for (Thread thread : threads) {
      thread.join();
    }
    return (System.nanoTime() - begin) / (double) (RINGS * THREADS_A_RING * ROUNDS);
  }
}
