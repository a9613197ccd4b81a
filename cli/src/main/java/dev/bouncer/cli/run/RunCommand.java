package dev.bouncer.cli.run;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.cli.DurationConverter;
import dev.bouncer.cli.Main;
import dev.bouncer.cli.Terminal;
import dev.bouncer.cli.child.Children;
import dev.bouncer.cli.sem.RedisLimit;
import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import dev.bouncer.redis.RedisUnavailableException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command line of {@code bouncer run}. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    header = "Runs a command for each input, never more than N at once.",
    synopsisHeading = "Usage: ",
    customSynopsis =
        "bouncer run [-j N] [-k] [-0] [--timeout D] [--limit URI] COMMAND... [::: INPUT...]%n",
    description = {
      "",
      "Inputs are the lines of standard input, or what follows ':::'. They are read as they are"
          + " needed.",
      "",
      "COMMAND is one word or several. One word is a line for /bin/sh: 'gzip -k {} && echo {}'."
          + " Several words are a program and its arguments, run without a shell: gzip -k {}."
          + " Each {} is the input, safely quoted in a shell line; without any {} the input is"
          + " appended.",
      "",
      "Jobs read nothing and have no terminal. The output of a job appears when the job has ended,"
          + " never mixed with another's.",
      ""
    },
    optionListHeading = "Options:%n",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every job succeeded",
      "1:some jobs failed; a summary on standard error names them. Or the Redis of --limit cannot be"
          + " used, and nothing was run",
      "2:the command line is wrong",
      "130:interrupted (Ctrl-C); 143: terminated. Every job was killed with all it had started",
      "141:standard output was closed by its reader, as by 'head'"
    },
    footer = {
      "",
      "Examples:",
      "  find . -name '*.jpg' -print0 | bouncer run -0 -j 4 'convert {} {}.png'",
      "  bouncer run -j 3 --timeout 30s curl -sSO ::: https://example.org/a https://example.org/b"
    })
public final class RunCommand implements Callable<Integer> {
  private static final String INPUTS_FOLLOW = ":::";

  /** How long jobs have between TERM and KILL when the whole command ends. */
  private static final Duration GRACE_AT_EXIT = Duration.ofMillis(400);

  /** With -k, how many jobs may be ahead of the slowest one, at least. */
  private static final int WINDOW = 1_000;

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = {"-j", "--jobs"},
      paramLabel = "N",
      description = "run at most N jobs at once (default: the number of processors)")
  private int jobs = Runtime.getRuntime().availableProcessors();

  @Option(
      names = {"-k", "--keep-order"},
      description = "write the outputs in the order of the inputs")
  private boolean keepOrder;

  @Option(
      names = {"-0", "--null"},
      description = "inputs end with a zero byte, as 'find -print0' writes them")
  private boolean zeroSeparated;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "kill a job and all it started after this time: 500ms, 30s, 5m, 2h, or seconds")
  private @Nullable Duration timeout;

  @Option(
      names = "--limit",
      paramLabel = "URI",
      converter = RedisLimit.Converter.class,
      description =
          "take a permit of a limit that machines share, too: redis://HOST:PORT/NAME=N (password:"
              + " environment variable REDISCLI_AUTH)")
  private @Nullable RedisLimit limit;

  @Parameters(arity = "0..*", hidden = true)
  private List<String> words = List.of();

  /** Makes the command; picocli fills it in. */
  public RunCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (jobs < 1) {
      throw wrong("number of jobs must be at least 1: --jobs=" + jobs);
    }
    int separator = words.indexOf(INPUTS_FOLLOW);
    List<String> command = separator < 0 ? words : words.subList(0, separator);
    if (command.isEmpty()) {
      throw wrong("COMMAND is missing");
    }
    if (command.getFirst().isBlank()) {
      throw wrong("COMMAND must not be empty");
    }
    InputSource inputs =
        separator < 0 ? standardInput() : given(words.subList(separator + 1, words.size()));
    RedisLimit sharedLimit = limit;
    Children children = Children.open();
    boolean statusWanted = Terminal.showsStatus();
    Console console = Console.ofProcess();
    if (separator < 0 && Terminal.isTerminal(0)) {
      console.message("bouncer: reading inputs from the terminal, one a line, until Ctrl-D");
    }
    Tally tally = new Tally();
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> stop(children, console, tally), "stop-children"));
    try (RedisConnection redis = sharedLimit == null ? null : sharedLimit.connect();
        RedisSemaphore shared =
            redis == null || sharedLimit == null
                ? null
                : redis.semaphore(sharedLimit.name(), sharedLimit.limit());
        Progress progress =
            new Progress(
                console,
                elapsed ->
                    Progress.line(tally.snapshot(), children.running(), inputs.total(), elapsed),
                Terminal::columns);
        AsyncSemaphore limiter = AsyncSemaphore.of(jobs);
        AsyncSemaphore window = AsyncSemaphore.of(Math.max(jobs, jobs + WINDOW))) {
      if (statusWanted) {
        progress.start();
      }
      Run run =
          new Run(
              CommandTemplate.of(command),
              inputs,
              limiter,
              shared,
              keepOrder ? window : null,
              timeout,
              children,
              console,
              tally,
              System::exit);
      int code = run.untilEnd();
      if (redis != null) {
        var _ = redis.closeAndAwait(GRACE_AT_EXIT);
      }
      return code;
    } catch (RedisUnavailableException unavailable) {
      console.message("bouncer run: " + unavailable.getMessage());
      return Run.SOME_FAILED;
    }
  }

  private InputSource standardInput() {
    return new LineReader(new FileInputStream(FileDescriptor.in), zeroSeparated ? '\0' : '\n');
  }

  private InputSource given(List<String> inputs) {
    if (inputs.contains(INPUTS_FOLLOW)) {
      throw wrong("':::' must appear only once");
    }
    return InputSource.of(inputs.stream().map(input -> input.getBytes(ISO_8859_1)).toList());
  }

  private ParameterException wrong(String message) {
    return new ParameterException(java.util.Objects.requireNonNull(spec).commandLine(), message);
  }

  /** Runs at the end of the process, however it comes; leaves no child behind. */
  private static void stop(Children children, Console console, Tally tally) {
    int killed = children.close(GRACE_AT_EXIT);
    console.endStatus();
    if (killed > 0) {
      console.message(
          String.format(
              Locale.ROOT,
              "bouncer: stopped: %,d done, %,d killed",
              tally.snapshot().ended(),
              killed));
    }
  }
}
