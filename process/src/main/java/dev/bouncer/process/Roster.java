package dev.bouncer.process;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The workers of a pool and how many of them are in which state. Guarded by the lock of the books.
 *
 * <p>A worker is on the roster from the decision to start it until it has been reaped. It is
 * <i>live</i> while it starts or is ready: then it has a future; <i>busy</i> while it has tasks,
 * also while it is being killed.
 */
final class Roster {
  private final List<Worker> all = new ArrayList<>();
  private final ArrayDeque<Worker> idle = new ArrayDeque<>();
  private int starting;
  private int live;
  private int busy;
  private int lastId;

  int nextId() {
    return ++lastId;
  }

  void add(Worker worker) {
    all.add(worker);
    starting++;
    live++;
  }

  /** Changes the state of a worker; a state can only be followed by a later one. */
  void move(Worker worker, Worker.State next) {
    starting -= worker.state == Worker.State.STARTING ? 1 : 0;
    boolean wasLive = isLive(worker);
    worker.state = next;
    if (wasLive && !isLive(worker)) {
      live--;
      idle.remove(worker);
    }
  }

  void remove(Worker worker) {
    all.remove(worker);
  }

  void gotTask(Worker worker, PoolTask<?> task) {
    busy += worker.inFlight.isEmpty() ? 1 : 0;
    worker.inFlight.addLast(task);
    worker.plannedNanos += task.plannedNanos;
  }

  /** Called after tasks were taken from a worker. */
  void lostTasks(Worker worker) {
    if (worker.inFlight.isEmpty()) {
      busy--;
      worker.plannedNanos = 0;
    }
  }

  void rest(Worker worker) {
    worker.idleSinceNanos = System.nanoTime();
    idle.addFirst(worker); // the one that worked last has the warmest caches
  }

  boolean hasIdle() {
    return !idle.isEmpty();
  }

  boolean isIdle(Worker worker) {
    return worker.state == Worker.State.READY && worker.inFlight.isEmpty();
  }

  Worker warmest() {
    return idle.getFirst();
  }

  Worker takeWarmest() {
    return idle.removeFirst();
  }

  Worker takeColdest() {
    return idle.removeLast();
  }

  /** How many processes there are, or are about to be. */
  int size() {
    return all.size();
  }

  boolean isEmpty() {
    return all.isEmpty();
  }

  int starting() {
    return starting;
  }

  int live() {
    return live;
  }

  int busy() {
    return busy;
  }

  List<Worker> copy() {
    return List.copyOf(all);
  }

  private static boolean isLive(Worker worker) {
    return worker.state == Worker.State.STARTING || worker.state == Worker.State.READY;
  }
}
