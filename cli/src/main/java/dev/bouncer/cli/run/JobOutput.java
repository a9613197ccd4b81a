package dev.bouncer.cli.run;

/** What one job wrote, kept together. */
public final class JobOutput implements AutoCloseable {
  /** What it wrote to its standard output. */
  public final Spool output;

  final Spool errors;

  /**
   * Makes an empty one.
   *
   * @param budget how much may be kept in memory
   */
  public JobOutput(MemoryBudget budget) {
    this.output = new Spool(budget);
    this.errors = new Spool(budget);
  }

  @Override
  public void close() {
    output.close();
    errors.close();
  }
}
