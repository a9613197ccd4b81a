package dev.bouncer.cli.fetch;

import dev.bouncer.AsyncSemaphore;
import dev.bouncer.Permit;
import dev.bouncer.cli.run.Console;
import dev.bouncer.cli.run.Input;
import dev.bouncer.cli.run.InputSource;
import dev.bouncer.http.AttemptEvent;
import dev.bouncer.http.LimitedHttpClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * One {@code bouncer fetch}: reads a URL, hands it to the limited client, and so on to the end.
 *
 * <p>The client's limiters decide how many are in flight and how fast they go; the window bounds
 * how many URLs have been read and not ended, and so the memory, whatever the number of URLs. What
 * is stopped leaves no line in the report and no file: a resumed run does it.
 */
final class Fetch {
  static final int ALL_FETCHED = 0;
  static final int SOME_FAILED = 1;

  /** What a shell reports for a command that the signal SIGPIPE ended. */
  static final int OUTPUT_CLOSED = 128 + 13;

  private static final Duration LONGEST_STOP = Duration.ofSeconds(2);
  private static final Duration VERY_LONG = Duration.ofDays(36_500);
  private static final int FIRST_SUCCESS = 200;
  private static final int FIRST_REDIRECT = 300;
  private static final int FIRST_ERROR = 400;

  private final InputSource urls;
  private final LimitedHttpClient client;
  private final Destination destination;
  private final @Nullable Report report;
  private final boolean resume;
  private final AsyncSemaphore window;
  private final Duration timeout;
  private final RequestHeaders headers;
  private final Console console;
  private final Counts counts;
  private final IntConsumer exit;

  /** What was read so far: a URL that is listed again would be the same file again. */
  private final UrlHashes listed = new UrlHashes();

  /** Held for reading while a line is added, from the moment its body is kept. */
  private final ReentrantReadWriteLock keeping = new ReentrantReadWriteLock();

  private final AtomicBoolean stopped = new AtomicBoolean();

  /**
   * Prepares a run.
   *
   * @param window how many URLs may have begun and not ended; used by nobody else
   * @param timeout until the response of one attempt must have begun
   * @param exit ends the process with an exit code while the run is in the middle; may return
   */
  Fetch(
      InputSource urls,
      LimitedHttpClient client,
      Destination destination,
      @Nullable Report report,
      boolean resume,
      AsyncSemaphore window,
      Duration timeout,
      RequestHeaders headers,
      Console console,
      Counts counts,
      IntConsumer exit) {
    this.urls = urls;
    this.client = client;
    this.destination = destination;
    this.report = report;
    this.resume = resume;
    this.window = window;
    this.timeout = timeout;
    this.headers = headers;
    this.console = console;
    this.counts = counts;
    this.exit = exit;
  }

  /**
   * Fetches every URL and returns the exit code. If the run {@link #isStopped}, it ends early, and
   * with the code of whoever stops it.
   */
  int untilEnd() throws IOException, InterruptedException {
    Input input;
    while (!stopped.get() && (input = urls.next()) != null) {
      begin(input);
    }
    window.drain(VERY_LONG);
    boolean reported = isStopped() || endReport();
    return counts.hasFailures() || !reported ? SOME_FAILED : ALL_FETCHED;
  }

  /**
   * Writes what the report still lacks, or tells that it cannot be written. Does nothing when
   * called again.
   *
   * @return whether nothing is missing
   */
  boolean endReport() {
    if (report != null) {
      try {
        report.close();
      } catch (IOException incomplete) {
        console.message("bouncer: " + incomplete.getMessage() + "; --resume makes up for them");
        return false;
      }
    }
    return true;
  }

  boolean isStopped() {
    return stopped.get();
  }

  /**
   * Begins nothing more, and reports nothing that ends from now on.
   *
   * @return false if something is still being written, because the disk hangs
   */
  boolean stop() {
    stopped.set(true);
    // What is being kept gets its line; but a disk that hangs must not keep the process.
    try {
      if (keeping.writeLock().tryLock(LONGEST_STOP.toNanos(), TimeUnit.NANOSECONDS)) {
        keeping.writeLock().unlock();
        return true;
      }
    } catch (InterruptedException inAHurry) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  private void begin(Input input) throws InterruptedException {
    String text = Url.text(input);
    if (text.isEmpty()) {
      return;
    }
    Url url;
    try {
      url = Url.parse(input);
    } catch (Url.MalformedException malformed) {
      refuse(text, Objects.requireNonNull(malformed.getMessage()));
      return;
    }
    if (!listed.add(url)) {
      counts.repeated();
      return;
    }
    if (resume && isHere(url)) {
      counts.found();
      return;
    }
    Permit place = window.acquire();
    Destination.Part part;
    HttpRequest request;
    try {
      request = request(url);
      part = destination.open(url);
    } catch (IllegalArgumentException | IOException impossible) {
      place.close();
      refuse(text, Reason.messageOf(impossible));
      return;
    }
    counts.begun();
    Attempts attempts = new Attempts();
    var _ =
        client
            .sendAsync(request, info -> body(info, part), attempts)
            .whenComplete((response, failure) -> {
              try (place;
                  part) {
                end(url, part, attempts, response, failure);
              } catch (RuntimeException | Error bug) {
                abort(SOME_FAILED, "bouncer: stopped by an internal error: " + bug);
              }
            });
  }

  /** A body that was printed is known by the report alone. */
  private boolean isHere(Url url) {
    boolean reported = report != null && report.knows(url);
    if (destination instanceof ConsoleDestination) {
      return reported;
    }
    String file = destination.find(url);
    if (file != null && !reported) {
      write(Entry.found(Instant.now(), url.text(), file));
    }
    return file != null;
  }

  private HttpRequest request(Url url) {
    // Over plain HTTP a client that offers HTTP/2 asks for an upgrade, which many servers dislike.
    boolean secure = "https".equalsIgnoreCase(url.uri().getScheme());
    HttpRequest.Builder request =
        HttpRequest.newBuilder(url.uri())
            .version(secure ? Version.HTTP_2 : Version.HTTP_1_1)
            .timeout(timeout);
    headers.addTo(request);
    return request.build();
  }

  private static BodySubscriber<Long> body(ResponseInfo info, Destination.Part part) {
    return isSuccess(info.statusCode()) ? new PartBody(part) : BodySubscribers.replacing(0L);
  }

  private static boolean isSuccess(int status) {
    return status >= FIRST_SUCCESS && status < FIRST_REDIRECT;
  }

  private void end(
      Url url,
      Destination.Part part,
      Attempts attempts,
      @Nullable HttpResponse<Long> response,
      @Nullable Throwable failure) {
    Runnable failed;
    keeping.readLock().lock();
    try {
      if (stopped.get()) {
        counts.cutOff();
        return;
      }
      failed = keepAndReport(url, part, attempts, response, failure);
    } finally {
      keeping.readLock().unlock();
    }
    failed.run(); // without the lock: it may end the process, which waits for the lock
  }

  /** Returns what has to be done about a failure of the run itself. */
  private Runnable keepAndReport(
      Url url,
      Destination.Part part,
      Attempts attempts,
      @Nullable HttpResponse<Long> response,
      @Nullable Throwable failure) {
    String error = null;
    String file = null;
    if (response == null) {
      error = Reason.of(Objects.requireNonNull(failure), attempts.lastStatus, timeout);
    } else if (!isSuccess(response.statusCode())) {
      error = describe(response);
    } else {
      try {
        file = part.keep();
      } catch (ConsoleDestination.OutputException unwritable) {
        counts.cutOff();
        return () -> outputFailed(unwritable);
      } catch (IOException notKept) {
        error = new Destination.UnwritableException(notKept).getMessage();
      }
    }
    boolean ok = error == null;
    if (!ok) {
      part.close(); // if it filled the disk, the report needs the space
    }
    URI last = attempts.lastUri;
    Entry entry =
        new Entry(
            Instant.now(),
            url.text(),
            attempts.lastStatus,
            ok,
            file,
            ok && response != null ? OptionalLong.of(response.body()) : OptionalLong.empty(),
            attempts.number,
            last == null || last.equals(url.uri()) ? null : last.toString(),
            attempts.waited,
            attempts.lastTook,
            error);
    counts.ended(entry);
    return add(entry);
  }

  private void refuse(String url, String error) {
    Entry entry = Entry.malformed(Instant.now(), Url.withoutUser(url), error);
    write(entry);
    counts.count(entry);
  }

  private void write(Entry entry) {
    Runnable failed;
    keeping.readLock().lock();
    try {
      if (stopped.get()) {
        return;
      }
      failed = add(entry);
    } finally {
      keeping.readLock().unlock();
    }
    failed.run();
  }

  private Runnable add(Entry entry) {
    if (report != null) {
      try {
        report.add(entry);
      } catch (IOException unwritable) {
        return () ->
            abort(
                SOME_FAILED,
                "bouncer: stopped: cannot write the report: " + Reason.messageOf(unwritable));
      }
    }
    return () -> {};
  }

  private void outputFailed(IOException unwritable) {
    if (String.valueOf(unwritable.getMessage()).contains("Broken pipe")) {
      abort(OUTPUT_CLOSED, null);
    } else {
      abort(
          SOME_FAILED,
          "bouncer: stopped: cannot write to standard output: " + unwritable.getMessage());
    }
  }

  private void abort(int code, @Nullable String message) {
    if (stopped.compareAndSet(false, true)) {
      if (message != null) {
        console.message(message);
      }
      exit.accept(code);
    }
  }

  private static String describe(HttpResponse<?> response) {
    int status = response.statusCode();
    String said = "status " + status;
    Optional<String> elsewhere = response.headers().firstValue("Location");
    return status >= FIRST_REDIRECT && status < FIRST_ERROR && elsewhere.isPresent()
        ? said + ": this redirect is not followed: location=" + elsewhere.get()
        : said;
  }

  /** What the attempts of one URL add up to. They come one after the other. */
  private final class Attempts implements Consumer<AttemptEvent> {
    private volatile int number;
    private volatile Duration waited = Duration.ZERO;
    private volatile Duration lastTook = Duration.ZERO;
    private volatile OptionalInt lastStatus = OptionalInt.empty();
    private volatile @Nullable URI lastUri;

    @Override
    public void accept(AttemptEvent event) {
      number = event.number();
      waited = waited.plus(event.waited());
      lastTook = event.took();
      lastStatus = event.status();
      lastUri = event.uri();
      counts.attempted(event);
    }
  }
}
