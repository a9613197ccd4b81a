package dev.bouncer.cli.sem;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.bouncer.Permit;
import dev.bouncer.cli.DurationConverter;
import dev.bouncer.cli.Main;
import dev.bouncer.redis.LeasedPermit;
import dev.bouncer.redis.RedisConnection;
import dev.bouncer.redis.RedisSemaphore;
import dev.bouncer.redis.RedisUnavailableException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command line of {@code bouncer sem}. */
@Command(
    name = "sem",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    header = "Runs one command, never more than N of one name at once.",
    synopsisHeading = "Usage: ",
    customSynopsis = "bouncer sem [-j N] [--wait D] NAME -- COMMAND...%n",
    description = {
      "",
      "Waits for a permit of NAME, runs COMMAND with its own input and output, gives the permit"
          + " back, and exits as COMMAND did.",
      "",
      "NAME is known to this user on this machine; redis://HOST:PORT/NAME to all machines that use"
          + " this Redis (password: environment variable REDISCLI_AUTH).",
      ""
    },
    optionListHeading = "Options:%n",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "75:no permit in time, no usable Redis, or the permit was lost and COMMAND was ended",
      "127:COMMAND cannot be run; else as COMMAND, 128 + N if a signal N ended it"
    },
    footer = {
      "",
      "Examples:",
      "  bouncer sem -j 5 backup -- rsync -a /data host:/data",
      "  bouncer sem -j 5 redis://cache:6379/api -- curl -sS https://example.org/a"
    })
public final class SemCommand implements Callable<Integer> {
  private static final int TRY_AGAIN_LATER = 75;
  private static final int CANNOT_RUN = 127;
  private static final Duration GRACE_AT_EXIT = Duration.ofSeconds(1);

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = {"-j", "--jobs"},
      paramLabel = "N",
      description = "at most N commands of this name at once (default: 1)")
  private int jobs = 1;

  @Option(
      names = "--wait",
      paramLabel = "D",
      converter = DurationConverter.class,
      description = "give up when there was no permit in this time: 500ms, 30s, 5m, 2h, or seconds")
  private @Nullable Duration wait;

  @Parameters(arity = "0..*", hidden = true)
  private List<String> words = List.of();

  /** Makes the command; picocli fills it in. */
  public SemCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    int separator = words.indexOf("--");
    List<String> command =
        words.isEmpty() ? words : words.subList(separator == 1 ? 2 : 1, words.size());
    if (command.isEmpty()) {
      throw wrong("NAME and COMMAND are needed");
    }
    if (jobs < 1) {
      throw wrong("number of jobs must be at least 1: --jobs=" + jobs);
    }
    String name = words.getFirst();
    try {
      return RedisLimit.isMeant(name)
          ? underRedis(RedisLimit.parse(name, jobs), command)
          : underFile(MachineSemaphore.open(MachineSemaphore.home(), name, jobs), command);
    } catch (IllegalArgumentException unreadable) {
      throw wrong(String.valueOf(unreadable.getMessage()));
    }
  }

  private int underFile(MachineSemaphore semaphore, List<String> command)
      throws IOException, InterruptedException {
    CompletableFuture<FileChannel> permit = new CompletableFuture<>();
    Thread.ofPlatform()
        .name("sem-line")
        .daemon() // the system's lock has no timeout; the end of the process ends the wait
        .start(() -> {
          try {
            permit.complete(semaphore.acquire());
          } catch (Throwable failed) {
            permit.completeExceptionally(failed);
          }
        });
    try (FileChannel held =
        wait == null
            ? permit.get()
            : permit.get(TimeUnit.NANOSECONDS.convert(wait), TimeUnit.NANOSECONDS)) {
      return held.isOpen() ? perform(command, new CompletableFuture<>()) : TRY_AGAIN_LATER;
    } catch (TimeoutException late) {
      return giveUp("no permit in time: wait=" + wait);
    } catch (ExecutionException failed) {
      throw new IOException("cannot lock: reason=" + failed.getCause(), failed);
    }
  }

  private int underRedis(RedisLimit limit, List<String> command)
      throws IOException, InterruptedException {
    try (RedisConnection redis = limit.connect()) {
      int code;
      try (RedisSemaphore semaphore = redis.semaphore(limit.name(), limit.limit())) {
        Optional<Permit> permit =
            wait == null ? Optional.of(semaphore.acquire()) : semaphore.tryAcquire(wait);
        if (permit.isEmpty()) {
          return giveUp("no permit in time: wait=" + wait);
        }
        try (LeasedPermit held = (LeasedPermit) permit.get()) {
          code = perform(command, held.lost());
        }
      }
      var _ = redis.closeAndAwait(GRACE_AT_EXIT);
      return code;
    } catch (RedisUnavailableException unavailable) {
      return giveUp(String.valueOf(unavailable.getMessage()));
    }
  }

  /** Runs the command; ends it when the permit is lost. */
  private int perform(List<String> command, CompletableFuture<String> lost)
      throws InterruptedException {
    Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    List<String> decoded =
        command.stream().map(word -> new String(word.getBytes(ISO_8859_1), charset)).toList();
    Process process;
    try {
      process = new ProcessBuilder(decoded).inheritIO().start();
    } catch (IOException cannotRun) {
      message("cannot run " + command.getFirst() + ": " + cannotRun.getMessage());
      return CANNOT_RUN;
    }
    Thread hook = new Thread(() -> end(process), "end-command");
    Runtime.getRuntime().addShutdownHook(hook);
    AtomicBoolean ended = new AtomicBoolean();
    var _ =
        lost.thenAccept(reason -> {
          if (ended.compareAndSet(false, true)) {
            message("ended the command: " + reason);
            end(process);
          }
        });
    int code = process.waitFor();
    Runtime.getRuntime().removeShutdownHook(hook);
    return ended.compareAndSet(false, true) ? code : TRY_AGAIN_LATER;
  }

  private static void end(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(GRACE_AT_EXIT.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException interrupt) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private int giveUp(String why) {
    message(why);
    return TRY_AGAIN_LATER;
  }

  private void message(String text) {
    Objects.requireNonNull(spec).commandLine().getErr().println("bouncer sem: " + text);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(Objects.requireNonNull(spec).commandLine(), message);
  }
}
