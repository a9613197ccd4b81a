package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A line for {@code /bin/sh} in which {@code {}} is the input.
 *
 * <p>The input never becomes a part of the program text. It is passed as a positional parameter,
 * moved into a shell variable, and each {@code {}} becomes an expansion of that variable, quoted as
 * its place in the line needs: {@code "${v}"} outside quotes, {@code ${v}} inside double quotes,
 * {@code '"${v}"'} inside single quotes. If this class misjudges a place (a here-document, an odd
 * nesting), the worst is a wrong word; no input is ever run as a command. Inside {@code $((…))} the
 * shell itself evaluates what a variable holds: only numbers belong there. {@code \{}} stays what
 * it is for the shell: two literal braces.
 */
final class ShellLine implements CommandTemplate {
  private static final String VARIABLE = "bouncer_input";
  private static final String EXPANSION = "${" + VARIABLE + "}";
  private static final String PROLOGUE = VARIABLE + "=$1; shift; ";

  /** Words that mean the same to a shell and to {@code exec}, and may hold a placeholder. */
  private static final Pattern PLAIN =
      Pattern.compile("[ \t]*[\\w./:@%+,-]+([ \t]+([\\w./:@%+,=-]|\\{})+)*[ \t]*");

  /** What dash, bash and ksh run themselves, or read as a part of their language. */
  private static final Set<String> BUILTINS =
      Set.of(
          (". : alias autoload bg bind break builtin caller case cd chdir command compgen complete"
                  + " compopt continue coproc declare dirs disown do done echo elif else enable esac"
                  + " eval exec exit export false fc fg fi for function functions getopts hash help"
                  + " history if in integer jobs kill let local logout mapfile nameref newgrp popd"
                  + " print printf pushd pwd read readarray readonly return select set shift shopt"
                  + " source suspend test then time times trap true type typeset ulimit umask"
                  + " unalias unset until wait whence while")
              .split(" ", -1));

  private final byte[] script;

  ShellLine(String line) {
    this.script = (PROLOGUE + expand(line)).getBytes(ISO_8859_1);
  }

  @Override
  public List<byte[]> argumentsFor(byte[] input) {
    return List.of(bytes("/bin/sh"), bytes("-c"), script, bytes("sh"), input);
  }

  @Override
  public boolean programDependsOnInput() {
    return false;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(ISO_8859_1);
  }

  /**
   * Tells whether a shell would do nothing but split the line into words and run the program that
   * the first one names. Such a line needs no shell.
   */
  static boolean isPlain(String line) {
    if (!PLAIN.matcher(line).matches()) {
      return false;
    }
    String program = line.strip().split("[ \t]+", 2)[0];
    return program.contains("/") || !isShellWord(program);
  }

  private static boolean isShellWord(String word) {
    return BUILTINS.contains(word)
        || System.getenv().keySet().stream() // how bash hands functions to its children
            .anyMatch(name -> name.startsWith("BASH_FUNC_" + word));
  }

  /** Where in a line the shell is: the innermost construct that has not ended yet. */
  private enum Place {
    UNQUOTED,
    SINGLE_QUOTES,
    DOUBLE_QUOTES,
    BACKQUOTES,
    PARENTHESES,
    ARITHMETIC,
    COMMENT
  }

  /** Puts the expansion where the placeholders are, or at the end when there is none. */
  static String expand(String template) {
    String line = template.stripTrailing();
    StringBuilder expanded = new StringBuilder();
    Deque<Place> places = new ArrayDeque<>();
    places.push(Place.UNQUOTED);
    boolean found = false;
    int at = 0;
    while (at < line.length()) {
      Place place = places.getFirst();
      if (line.startsWith(PLACEHOLDER, at)) {
        found = true;
        expanded.append(quotedFor(place));
        at += PLACEHOLDER.length();
        continue;
      }
      if (line.startsWith("$" + PLACEHOLDER, at) && place != Place.SINGLE_QUOTES) {
        expanded.append("\\$"); // a dollar before the expansion would make something else of it
        at++;
        continue;
      }
      int length = step(line, at, places);
      expanded.append(line, at, at + length);
      at += length;
    }
    return found ? expanded.toString() : expanded + " " + quotedFor(Place.UNQUOTED);
  }

  private static String quotedFor(Place place) {
    return switch (place) {
      case SINGLE_QUOTES -> "'\"" + EXPANSION + "\"'";
      case DOUBLE_QUOTES, ARITHMETIC -> EXPANSION;
      case UNQUOTED, BACKQUOTES, PARENTHESES, COMMENT -> "\"" + EXPANSION + "\"";
    };
  }

  /** Follows the shell over one character, or two that belong together, and returns how many. */
  private static int step(String line, int at, Deque<Place> places) {
    Place place = places.getFirst();
    char c = line.charAt(at);
    switch (place) {
      case SINGLE_QUOTES -> popIf(c == '\'', places);
      case COMMENT -> popIf(c == '\n', places);
      case DOUBLE_QUOTES -> {
        switch (c) {
          case '\\' -> {
            return escaped(line, at);
          }
          case '"' -> places.pop();
          case '`' -> places.push(Place.BACKQUOTES);
          case '$' -> {
            return substitution(line, at, places);
          }
          default -> {}
        }
      }
      case ARITHMETIC -> {
        switch (c) {
          case '(' -> places.push(Place.ARITHMETIC);
          case ')' -> places.pop();
          case '$' -> {
            return substitution(line, at, places);
          }
          default -> {}
        }
      }
      case UNQUOTED, BACKQUOTES, PARENTHESES -> {
        switch (c) {
          case '\\' -> {
            return escaped(line, at);
          }
          case '\'' -> places.push(Place.SINGLE_QUOTES);
          case '"' -> places.push(Place.DOUBLE_QUOTES);
          case '`' -> {
            if (place == Place.BACKQUOTES) {
              places.pop();
            } else {
              places.push(Place.BACKQUOTES);
            }
          }
          case '$' -> {
            return substitution(line, at, places);
          }
          case '(' -> places.push(Place.PARENTHESES);
          case ')' -> popIf(place == Place.PARENTHESES, places);
          case '#' -> {
            if (at == 0 || " \t\n;&|(`".indexOf(line.charAt(at - 1)) >= 0) {
              places.push(Place.COMMENT);
            }
          }
          default -> {}
        }
      }
    }
    return 1;
  }

  /** A dollar sign and, if a command or an arithmetic expression follows, its parentheses. */
  private static int substitution(String line, int at, Deque<Place> places) {
    if (line.startsWith("$((", at)) {
      places.push(Place.ARITHMETIC);
      places.push(Place.ARITHMETIC); // one for each parenthesis that must close
      return 3;
    }
    if (line.startsWith("$(", at)) {
      places.push(Place.PARENTHESES);
      return 2;
    }
    return 1;
  }

  /** A backslash and what it protects; protected braces stay braces. */
  private static int escaped(String line, int at) {
    int length = line.startsWith("\\" + PLACEHOLDER, at) ? 1 + PLACEHOLDER.length() : 2;
    return Math.min(length, line.length() - at);
  }

  private static void popIf(boolean condition, Deque<Place> places) {
    if (condition) {
      places.pop();
    }
  }
}
