package dev.bouncer.cli.run;

/** What one job wrote, kept together. */
final class JobOutput implements AutoCloseable {
  final Spool output;
  final Spool errors;

  JobOutput(MemoryBudget budget) {
    this.output = new Spool(budget);
    this.errors = new Spool(budget);
  }

  @Override
  public void close() {
    output.close();
    errors.close();
  }
}
