package dev.bouncer.process;

/** What most users want; no lambdas, because each of them costs a cold JVM a millisecond or two. */
enum KnownOutput implements WorkerOutput {
  INHERIT {
    @Override
    public void line(String pool, int workerId, String line) {
      System.err.println("[" + pool + " worker " + workerId + "] " + line);
    }
  },
  DISCARD {
    @Override
    public void line(String pool, int workerId, String line) {}
  }
}
