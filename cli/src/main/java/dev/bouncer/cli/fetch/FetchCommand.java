package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.Limiter;
import dev.bouncer.cli.DurationConverter;
import dev.bouncer.cli.Main;
import dev.bouncer.cli.Terminal;
import dev.bouncer.cli.run.Console;
import dev.bouncer.cli.run.InputSource;
import dev.bouncer.cli.run.LineReader;
import dev.bouncer.cli.run.Progress;
import dev.bouncer.cli.sem.RedisLimit;
import dev.bouncer.http.LimitedHttpClient;
import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisUnavailableException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.charset.Charset;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command line of {@code bouncer fetch}. */
@Command(
    name = "fetch",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    header = "Fetches many URLs politely: never more than N at once, never faster than a rate.",
    synopsisHeading = "Usage: ",
    customSynopsis = {
      "bouncer fetch [-j N] [--per-host N] [--rate R] [--adaptive] [--retries N]",
      "              [-o DIR|-] [--report FILE] [--resume] [--timeout D] [--headers FILE]%n",
      "              [--limit URI] [URL...]%n"
    },
    description = {
      "",
      "URLs are the arguments, or the lines of standard input, which are read as they are needed."
          + " One that is listed again is not fetched again.",
      "",
      "Each body becomes a file whose name tells host and path and is different for every URL; it"
          + " appears when it is whole. What fails for want of capacity or in the network is tried"
          + " again after a pause; a server that answers 429 or 503 with Retry-After is left alone"
          + " for that long. Redirects are followed, each as a call of its own.",
      ""
    },
    optionListHeading = "Options:%n",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every URL was fetched",
      "1:some failed; a summary on standard error names the first, the report tells all. Or the Redis"
          + " of --limit cannot be used, and nothing was fetched",
      "2:the command line is wrong",
      "130:interrupted (Ctrl-C); 143: terminated. The same command with --resume does the rest",
      "141:standard output was closed by its reader, as by 'head'"
    },
    footer = {
      "",
      "Examples:",
      "  bouncer fetch -j 5 --rate 50/s -o pages --report pages.ndjson < urls.txt",
      "  bouncer fetch --adaptive -o - https://example.org/a https://example.org/b"
    })
public final class FetchCommand implements Callable<Integer> {
  private static final String STANDARD_OUTPUT = "-";
  private static final int JOBS = 10;
  private static final int ADAPTIVE_JOBS = 100;
  private static final int MAX_REDIRECTS = 20;

  /** URLs that are read and not ended, beyond those in flight: others may go while some wait. */
  private static final int WINDOW = 1_000;

  /** How long Redis is waited for at the end to hear that all permits are back. */
  private static final Duration GRACE_AT_EXIT = Duration.ofMillis(400);

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = {"-j", "--jobs"},
      paramLabel = "N",
      description = "at most N calls in flight at once (default: 10; with --adaptive 100)")
  private @Nullable Integer jobs;

  @Option(
      names = "--per-host",
      paramLabel = "N",
      description = "at most N of them to one host (default: no limit of its own)")
  private @Nullable Integer perHost;

  @Option(
      names = "--rate",
      paramLabel = "R",
      converter = Rate.Converter.class,
      description = "at most so many calls in a time: 50/s, 300/m, 10/2s; evenly spread")
  private @Nullable Rate rate;

  @Option(
      names = "--adaptive",
      description = "find out how many calls at once, and how fast, each server takes")
  private boolean adaptive;

  @Option(
      names = "--limit",
      paramLabel = "URI",
      converter = RedisLimit.Converter.class,
      description =
          "take a permit of a limit that machines share, too: redis://HOST:PORT/NAME=N (password:"
              + " environment variable REDISCLI_AUTH)")
  private @Nullable RedisLimit limit;

  @Option(
      names = "--retries",
      paramLabel = "N",
      description = "try again up to N times (default: 3)")
  private int retries = 3;

  @Option(
      names = "--timeout",
      paramLabel = "D",
      converter = DurationConverter.class,
      description =
          "give an attempt up when its response has not begun after this time, or its body stands"
              + " still for it (default: 30s)")
  private Duration timeout = Duration.ofSeconds(30);

  @Option(
      names = "--headers",
      paramLabel = "FILE",
      description = "send these too: a line 'Name: value' for each, so that no secret is in here")
  private @Nullable String headersFile;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR|-",
      description = "the folder for the files, or - for standard output (default: this folder)")
  private String output = ".";

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "write a line of JSON for each URL: how it ended, where it is, what it took")
  private @Nullable String reportFile;

  @Option(
      names = "--resume",
      description = "leave out what is here already; with --report, go on with that report")
  private boolean resume;

  @Parameters(arity = "0..*", paramLabel = "URL", hidden = true)
  private List<String> urls = List.of();

  /** Makes the command; picocli fills it in. */
  public FetchCommand() {}

  @Override
  public Integer call() throws InterruptedException {
    check();
    RedisLimit sharedLimit = limit;
    RequestHeaders headers = headers();
    boolean toConsole = output.equals(STANDARD_OUTPUT);
    Console console = Console.ofProcess();
    try (Report report = report();
        Destination destination = toConsole ? new ConsoleDestination(console) : folder();
        RedisConnection redis = sharedLimit == null ? null : sharedLimit.connect();
        HttpClient plain = HttpClient.newBuilder().connectTimeout(timeout).build()) {
      Limiter shared =
          redis == null || sharedLimit == null
              ? null
              : redis.semaphore(sharedLimit.name(), sharedLimit.limit());
      int code = fetch(console, destination, report, headers, shared, plain);
      if (redis != null) {
        var _ = redis.closeAndAwait(GRACE_AT_EXIT);
      }
      return code;
    } catch (RedisUnavailableException unavailable) {
      console.message("bouncer fetch: " + unavailable.getMessage());
      return Fetch.SOME_FAILED;
    } catch (IOException unreadable) {
      throw wrong("standard input cannot be read: " + unreadable.getMessage());
    }
  }

  private void check() {
    atLeast(1, inFlight(), "number of calls", "--jobs");
    atLeast(0, retries, "number of retries", "--retries");
    if (perHost != null) {
      atLeast(1, perHost, "number of calls to one host", "--per-host");
    }
    if (resume && output.equals(STANDARD_OUTPUT) && reportFile == null) {
      throw wrong("--resume needs --report FILE when bodies go to standard output");
    }
  }

  private int inFlight() {
    int usual = adaptive ? ADAPTIVE_JOBS : JOBS;
    return jobs == null ? usual : jobs;
  }

  private void atLeast(int least, int number, String what, String option) {
    if (number < least) {
      throw wrong("%s must be at least %d: %s=%d".formatted(what, least, option, number));
    }
  }

  private int fetch(
      Console console,
      Destination destination,
      @Nullable Report report,
      RequestHeaders headers,
      @Nullable Limiter shared,
      HttpClient plain)
      throws IOException, InterruptedException {
    InputSource source = source();
    if (urls.isEmpty() && Terminal.isTerminal(0)) {
      console.message("bouncer: reading URLs from the terminal, one a line, until Ctrl-D");
    }
    Counts counts = new Counts();
    long start = System.nanoTime();
    int urlsAtOnce = Math.max(inFlight(), inFlight() + WINDOW); // the sum may overflow
    try (AsyncSemaphore window = AsyncSemaphore.of(urlsAtOnce);
        Limits limits = new Limits(inFlight(), urlsAtOnce, perHost, rate, adaptive, shared);
        LimitedHttpClient client =
            limits
                .apply(LimitedHttpClient.builder(plain))
                .retries(retries)
                .idleTimeout(timeout)
                .maxRedirects(MAX_REDIRECTS)
                .build()) {
      Fetch fetch =
          new Fetch(
              source,
              client,
              destination,
              report,
              resume,
              window,
              timeout,
              headers,
              console,
              counts,
              System::exit);
      Thread stop =
          new Thread(() -> stop(fetch, client, destination, console, counts), "stop-fetching");
      Runtime.getRuntime().addShutdownHook(stop);
      int code;
      try (Progress progress =
          new Progress(
              console, elapsed -> counts.status(source.total(), elapsed), Terminal::columns)) {
        if (Terminal.showsStatus()) {
          progress.start();
        }
        code = fetch.untilEnd();
      }
      if (!fetch.isStopped()) { // else the process is ending, and says so
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        counts.summary(elapsed).forEach(console::message);
      }
      return code;
    }
  }

  private RequestHeaders headers() {
    RequestHeaders usual = RequestHeaders.of(userAgent());
    if (headersFile == null) {
      return usual;
    }
    try {
      return usual.with(path(headersFile));
    } catch (RequestHeaders.MalformedException malformed) {
      throw wrong("%s --headers=%s".formatted(malformed.getMessage(), headersFile));
    } catch (IOException unreadable) {
      throw wrong("headers must be readable: --headers=%s: %s".formatted(headersFile, unreadable));
    }
  }

  private @Nullable Report report() throws ParameterException {
    if (reportFile == null) {
      return null;
    }
    Path path = path(reportFile);
    try {
      return resume ? Report.resume(path) : Report.begin(path);
    } catch (FileAlreadyExistsException exists) {
      throw wrong("report must be a new file unless --resume is given: --report=" + reportFile);
    } catch (IOException unwritable) {
      throw wrong("report must be writable: --report=%s: %s".formatted(reportFile, unwritable));
    }
  }

  private Destination folder() {
    try {
      return new FolderDestination(path(output));
    } catch (IOException unwritable) {
      throw wrong("folder must be writable: --output=%s: %s".formatted(output, unwritable));
    }
  }

  private InputSource source() {
    return urls.isEmpty()
        ? new LineReader(new FileInputStream(FileDescriptor.in), '\n')
        : InputSource.of(urls.stream().map(url -> url.getBytes(ISO_8859_1)).toList());
  }

  /** Arguments have each byte as the character of the same value; a path is a text again. */
  private static Path path(String argument) {
    Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    return Path.of(new String(argument.getBytes(ISO_8859_1), charset));
  }

  private static String userAgent() {
    return new Main.Version().getVersion()[0].replace(' ', '/');
  }

  private ParameterException wrong(String message) {
    return new ParameterException(Objects.requireNonNull(spec).commandLine(), message);
  }

  /** Runs at the end of the process, however it comes; leaves nothing half-done behind. */
  private static void stop(
      Fetch fetch,
      LimitedHttpClient client,
      Destination destination,
      Console console,
      Counts counts) {
    long cutOff = counts.underWay();
    boolean settled = fetch.stop();
    client.shutdownNow();
    destination.close();
    console.endStatus();
    if (settled) { // after the parts are gone, which may have filled the disk
      fetch.endReport();
    }
    if (cutOff > 0) {
      console.message(
          "bouncer: stopped: %,d done, %,d cut off or waiting; --resume goes on from here"
              .formatted(counts.done(), cutOff));
    }
  }
}
