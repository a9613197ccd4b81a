package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

final class ArgumentVectorTest {
  private static List<String> arguments(List<String> words, String input) {
    return new ArgumentVector(words)
        .argumentsFor(input.getBytes(ISO_8859_1)).stream()
            .map(bytes -> new String(bytes, ISO_8859_1))
            .toList();
  }

  @Test
  void noPlaceholder_inputIsAppended() {
    assertEquals(List.of("ls", "-l", "a b"), arguments(List.of("ls", "-l"), "a b"));
  }

  @Test
  void placeholders_areAllReplaced() {
    assertEquals(
        List.of("mv", "x y", "x y.bak", "<x y|x y>"),
        arguments(List.of("mv", "{}", "{}.bak", "<{}|{}>"), "x y"));
  }

  @Test
  void inputThatLooksLikeAPlaceholder_isNotReplacedAgain() {
    assertEquals(List.of("echo", "-{}{}-"), arguments(List.of("echo", "-{}-"), "{}{}"));
  }

  @Test
  void anyBytes_passThrough() {
    String bytes = "\u00ff\u00fe\u0080\u0001'\"$";
    assertEquals(List.of("x", bytes + "." + bytes), arguments(List.of("x", "{}.{}"), bytes));
  }

  @Test
  void program_mayDependOnTheInput() {
    assertTrue(new ArgumentVector(List.of("./{}", "x")).programDependsOnInput());
    assertFalse(new ArgumentVector(List.of("./x", "{}")).programDependsOnInput());
  }
}
