package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.cli.child.Children;
import dev.bouncer.cli.child.Ending;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a real {@code /bin/sh} makes of the lines. */
final class ShellLineTest {
  /** Every character that means something to some shell, and some that mean something to us. */
  private static final String[] NASTY = {
    "'",
    "\"",
    "`",
    "$",
    "\\",
    " ",
    "\t",
    "\n",
    "\r",
    ";",
    "&",
    "|",
    "<",
    ">",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "*",
    "?",
    "!",
    "#",
    "~",
    "=",
    "%",
    "^",
    "-",
    "--",
    "a",
    "{}",
    "$(id)",
    "`id`",
    "${x}",
    "$1",
    "'\\''",
    "\u00e9",
    "\u65e5",
    "\u0001",
    "\u007f",
    ":::",
    "-n",
    "*.*",
    "$((1+1))"
  };

  private static byte[] run(CommandTemplate template, byte[] input) throws Exception {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    Children children = Children.open();
    Ending ending =
        children.run(
            template.argumentsFor(input),
            bytes -> copy(bytes, output),
            bytes -> copy(bytes, errors),
            null);
    assertEquals("", errors.toString(UTF_8));
    assertTrue(ending.isSuccess(), ending::describe);
    return output.toByteArray();
  }

  private static void copy(java.nio.ByteBuffer from, ByteArrayOutputStream to) {
    byte[] bytes = new byte[from.remaining()];
    from.get(bytes);
    to.writeBytes(bytes);
  }

  private static String run(String line, String input) throws Exception {
    return new String(run(new ShellLine(line), input.getBytes(UTF_8)), UTF_8);
  }

  private static List<byte[]> nastyInputs() {
    Random random = new Random(20_261_122);
    List<byte[]> inputs = new ArrayList<>();
    for (String one : NASTY) {
      inputs.add(one.getBytes(UTF_8));
    }
    for (int i = 0; i < 60; i++) {
      StringBuilder input = new StringBuilder();
      for (int parts = random.nextInt(8); parts >= 0; parts--) {
        input.append(NASTY[random.nextInt(NASTY.length)]);
      }
      inputs.add(input.toString().getBytes(UTF_8));
    }
    for (int i = 0; i < 20; i++) {
      byte[] bytes = new byte[1 + random.nextInt(40)];
      for (int j = 0; j < bytes.length; j++) {
        bytes[j] = (byte) (1 + random.nextInt(255)); // mostly not UTF-8
      }
      inputs.add(bytes);
    }
    inputs.add(new byte[0]);
    return inputs;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "printf '<%s>' {}",
        "printf '<%s>'",
        "printf '<%s>' \"{}\"",
        "printf '<%s>' '{}'",
        "printf '<%s>' \"$(printf '%s.' {})\" | sed '$s/[.]>$/>/'",
        "printf '<%s>' \"$(printf '%s.' \"{}\")\" | sed '$s/[.]>$/>/'",
        "x={}; printf '<%s>' \"$x\"",
        "printf '<%s>' {} # don't",
        "true # don't \" {} \n printf '<%s>' {}",
        "(printf '<%s>' {})",
        "f() { printf '<%s>' {}; }; f other",
        "set -- some thing; printf '<%s>' {}",
        "  printf '<%s>' {} \n\n"
      })
  void input_anywhereInTheLine_arrivesUnharmed(String line) throws Exception {
    for (byte[] input : nastyInputs()) {
      byte[] expected = ("<" + new String(input, ISO_8859_1) + ">").getBytes(ISO_8859_1);
      assertArrayEquals(
          expected,
          run(new ShellLine(line), input),
          () -> "line=" + line + " input=" + Printable.of(input, 1000));
    }
  }

  @Test
  void placeholder_insideAWord_isReplacedInPlace() throws Exception {
    assertEquals("xa by\n", run("echo x{}y", "a b"));
    assertEquals("a  b.txt=a  b\n", run("echo {}.txt={}", "a  b"));
  }

  @Test
  void placeholder_insideArithmetic_isANumber() throws Exception {
    assertEquals("15 7 a b\n", run("x='a b'; echo $(({} * (1 + 2))) \"$(({}+2))\" \"$x\"", "5"));
    assertEquals("6 5\n", run("echo $(( $(echo {}) + 1 )) {}", "5"));
  }

  @Test
  void placeholder_afterBackslash_staysTwoBraces() throws Exception {
    assertEquals("{} in\n", run("echo \\{} {}", "in"));
  }

  @Test
  void placeholder_afterDollar_keepsTheDollar() throws Exception {
    assertEquals("$5 $5 $5\n", run("echo ${} \"${}\" '$'{}", "5"));
  }

  @Test
  void hereDocument_doesNotRunTheInput() throws Exception {
    assertTrue(
        run("cat <<END\n{}\nEND", "$(echo boo)`echo boo`").contains("$(echo boo)`echo boo`"));
  }

  @Test
  void positionalParameters_areEmptyAsInAnyShellLine() throws Exception {
    assertEquals("0 sh in\n", run("echo $# $0 {}", "in"));
  }

  @Test
  void comment_atTheEnd_swallowsTheAppendedInput() throws Exception {
    assertEquals("hi\n", run("echo hi #", "in"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/bin/true",
        "sha256sum {}",
        "gzip -k -9 {}",
        " convert {} {}.png ",
        "./tool --name=x:{} a,b 100%",
        "../x\ty"
      })
  void plainLine_needsNoShell(String line) {
    assertTrue(ShellLine.isPlain(line));
    assertTrue(CommandTemplate.of(List.of(line)) instanceof ArgumentVector);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "true",
        "cd {}",
        "echo {}",
        "exit 3",
        "X=1 tool",
        "a; b",
        "a | b",
        "a > b",
        "a && b",
        "ls *.txt",
        "ls ~",
        "{}",
        "{} x",
        "a $x",
        "a 'b'",
        "a \"b\"",
        "a \\b",
        "a\nb",
        "a {b,c}",
        "a # b",
        "a?",
        "! a",
        ". x",
        "time ls"
      })
  void lineThatMeansSomethingToAShell_needsOne(String line) {
    assertFalse(ShellLine.isPlain(line));
    assertTrue(CommandTemplate.of(List.of(line)) instanceof ShellLine);
  }
}
