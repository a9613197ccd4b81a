package dev.bouncer.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.bouncer.cli.demo.DemoCommand;
import dev.bouncer.cli.fetch.FetchCommand;
import dev.bouncer.cli.run.RunCommand;
import dev.bouncer.cli.sem.SemCommand;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Starts the {@code bouncer} command. */
@Command(
    name = "bouncer",
    mixinStandardHelpOptions = true,
    header = "Decides how many tasks run at once.",
    synopsisHeading = "Usage: ",
    versionProvider = Main.Version.class,
    commandListHeading = "%nCommands:%n",
    optionListHeading = "%nOptions:%n",
    footer = {"", "'bouncer COMMAND --help' tells more about a command."})
public final class Main implements Callable<Integer> {
  private static final int WRONG_USAGE = 2;
  private static final int UNEXPECTED = 1;

  @Spec private @Nullable CommandSpec spec;

  private Main() {}

  /**
   * Runs the command and ends the process with its exit code.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    System.exit(commandLine().execute(RawArguments.of(args)));
  }

  /** Returns the parser; the arguments have each byte as the character of the same value. */
  static CommandLine commandLine() {
    // The writers give each character back as its byte, so that messages show arguments unharmed.
    PrintWriter out = new PrintWriter(new FileOutputStream(FileDescriptor.out), true, ISO_8859_1);
    PrintWriter err = new PrintWriter(new FileOutputStream(FileDescriptor.err), true, ISO_8859_1);
    CommandLine run = new CommandLine(new RunCommand()).setStopAtPositional(true);
    return new CommandLine(new Main())
        .addSubcommand(new DemoCommand())
        .addSubcommand(run)
        .addSubcommand(new FetchCommand())
        .addSubcommand(new CommandLine(new SemCommand()).setStopAtPositional(true))
        .setExpandAtFiles(false)
        .setOut(out)
        .setErr(err)
        .setParameterExceptionHandler((wrong, _) -> {
          String command = wrong.getCommandLine().getCommandSpec().qualifiedName();
          err.println(command + ": " + oneLine(wrong) + " (see " + command + " --help)");
          return WRONG_USAGE;
        })
        .setExecutionExceptionHandler((thrown, commandLine, _) -> {
          String command = commandLine.getCommandSpec().qualifiedName();
          err.println(command + ": " + thrown);
          return UNEXPECTED;
        });
  }

  private static String oneLine(ParameterException wrong) {
    return String.valueOf(wrong.getMessage()).lines().findFirst().orElse("wrong usage");
  }

  @Override
  public Integer call() {
    CommandLine commandLine = Objects.requireNonNull(spec).commandLine();
    throw new ParameterException(commandLine, "COMMAND is missing");
  }

  /** Reads the version from the manifest of the jar. */
  public static final class Version implements IVersionProvider {
    /** Makes the provider. */
    public Version() {}

    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"bouncer " + (version == null ? "(not packaged)" : version)};
    }
  }
}
