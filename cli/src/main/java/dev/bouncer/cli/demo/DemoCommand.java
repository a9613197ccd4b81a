package dev.bouncer.cli.demo;

import dev.bouncer.cli.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command line of {@code bouncer demo}. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    header = "Shows the two situations that Bouncer exists for, for real.",
    synopsisHeading = "Usage: ",
    description = {
      "",
      "1. 20 calls to an HTTP server that allows 5 at once, through AsyncSemaphore.of(5); then the"
          + " same calls without it.",
      "2. 10 heavy calculations in 2 processes, through ProcessPool.of(2).",
      "",
      "The figures are those of the server and of the processes.",
      ""
    },
    optionListHeading = "Options:%n",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:every promise was kept", "1:one was broken", "2:the command line is wrong"})
public final class DemoCommand implements Callable<Integer> {
  private static final int KEPT = 0;
  private static final int BROKEN = 1;
  private static final int FAST = 10;

  @Spec private @Nullable CommandSpec spec;

  @Option(names = "--fast", description = "take a tenth of the time")
  private boolean fast;

  @Option(names = "--json", description = "print the figures as one JSON object and nothing else")
  private boolean json;

  /** Makes the command; picocli fills it in. */
  public DemoCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    Narrator narrator = new Narrator(out, json);
    int speed = fast ? FAST : 1;

    ApiCalls api = new ApiCalls(narrator, speed);
    SmallServer.Seen limited = api.limited();
    narrator.say(
        "   The server saw at most %d calls at once and refused %d."
            .formatted(limited.maxInFlight(), limited.rejected()));
    SmallServer.Seen unlimited = api.unlimited();
    narrator.say(
        "   Without the semaphore it saw %d at once and refused %d of %d."
            .formatted(unlimited.maxInFlight(), unlimited.rejected(), ApiCalls.CALLS));

    Calculations.Report processes = new Calculations(narrator, speed).run();
    narrator.say(
        "   Results in order: %s. Processes: %s, at most %d at work at once."
            .formatted(
                joined(processes.results(), " "),
                joined(processes.pids(), " and "),
                processes.maxRunning()));

    boolean kept =
        limited.maxInFlight() <= ApiCalls.ALLOWED
            && limited.rejected() == 0
            && processes.isAsPromised();
    narrator.say("");
    narrator.say(kept ? "Every promise was kept." : "A promise was BROKEN, see above.");
    if (json) {
      out.println(
          """
          {"api":{"maxInFlight":%d,"rejected":%d},\
          "unlimited":{"maxInFlight":%d,"rejected":%d},\
          "processes":{"pids":[%s],"maxRunning":%d,"results":[%s]}}\
          """
              .formatted(
                  limited.maxInFlight(),
                  limited.rejected(),
                  unlimited.maxInFlight(),
                  unlimited.rejected(),
                  joined(processes.pids(), ","),
                  processes.maxRunning(),
                  joined(processes.results(), ",")));
    }
    return kept ? KEPT : BROKEN;
  }

  private static String joined(List<Long> numbers, String separator) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(separator));
  }
}
