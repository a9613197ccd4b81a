package dev.bouncer.cli;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The whole command, to be run in a JVM of its own. */
public final class Tool {
  private Tool() {}

  /** Returns the words that start the command, with little memory, as a user would. */
  public static List<String> commandLine(String... arguments) {
    return commandLine(Main.class, arguments);
  }

  static List<String> commandLine(Class<?> main, String... arguments) {
    String classPath =
        Stream.of("java.class.path", "jdk.module.path")
            .map(name -> System.getProperty(name, ""))
            .filter(path -> !path.isEmpty())
            .collect(Collectors.joining(File.pathSeparator));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx48m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath,
                main.getName()));
    command.addAll(Arrays.asList(arguments));
    return command;
  }
}
