package dev.bouncer.cli.run;

import java.util.List;

/** Makes the program and the arguments of a job from the user's COMMAND and the job's input. */
sealed interface CommandTemplate permits ShellLine, ArgumentVector {

  /** What stands for the input in COMMAND. */
  String PLACEHOLDER = "{}";

  /** Returns the program and its arguments for one input. */
  List<byte[]> argumentsFor(byte[] input);

  /** Tells whether the program itself depends on the input. */
  boolean programDependsOnInput();

  /**
   * Returns the template for a COMMAND: one word is a line for the shell, several are a program and
   * its arguments.
   *
   * @param words COMMAND, each byte as the character with its value
   */
  static CommandTemplate of(List<String> words) {
    if (words.size() > 1) {
      return new ArgumentVector(words);
    }
    String line = words.getFirst();
    return ShellLine.isPlain(line)
        ? new ArgumentVector(List.of(line.strip().split("[ \t]+", -1)))
        : new ShellLine(line);
  }
}
