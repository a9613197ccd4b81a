package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.List;

/**
 * A program and its arguments, run without a shell. Every {@code {}} in them is the input; when
 * there is none, the input is the last argument.
 */
final class ArgumentVector implements CommandTemplate {
  private final List<String> words;

  ArgumentVector(List<String> words) {
    boolean hasPlaceholder = words.stream().anyMatch(word -> word.contains(PLACEHOLDER));
    List<String> complete = new ArrayList<>(words);
    if (!hasPlaceholder) {
      complete.add(PLACEHOLDER);
    }
    this.words = List.copyOf(complete);
  }

  @Override
  public List<byte[]> argumentsFor(byte[] input) {
    String text = new String(input, ISO_8859_1); // each byte as the character with its value
    List<byte[]> arguments = new ArrayList<>(words.size());
    for (String word : words) {
      arguments.add(
          word.equals(PLACEHOLDER) ? input : word.replace(PLACEHOLDER, text).getBytes(ISO_8859_1));
    }
    return arguments;
  }

  @Override
  public boolean programDependsOnInput() {
    return words.getFirst().contains(PLACEHOLDER);
  }
}
