package dev.bouncer.cli.child;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Children started by {@link ProcessBuilder}, for machines without {@code posix_spawn} as Linux has
 * it. Slower, and with three limits: arguments that the charset of this process cannot hold arrive
 * changed; a child keeps the terminal; and of what a child started, only living descendants are
 * killed, not those whose parent has died.
 */
final class PortableChildren implements Children {
  private static final File NULL_DEVICE =
      new File(
          System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows")
              ? "NUL"
              : "/dev/null");

  /** Where Java's message has the error of the operating system: "error=2, " or "error: 2 ". */
  private static final Pattern ERROR_NUMBER = Pattern.compile("error[=:] ?(\\d{1,9})");

  private static final Charset NATIVE = Charset.forName(System.getProperty("native.encoding"));

  private final Set<Process> running = ConcurrentHashMap.newKeySet();
  private final Object gate = new Object();
  private boolean closed; // guarded by gate

  @Override
  public int running() {
    return running.size();
  }

  @Override
  public Ending run(
      List<byte[]> arguments, ByteSink output, ByteSink errors, @Nullable Duration timeout)
      throws ChildrenClosedException {
    Process process;
    try {
      process = start(arguments);
    } catch (IOException refused) {
      return notStarted(refused);
    }
    AtomicReference<@Nullable Ending> killed = new AtomicReference<>();
    Valve outputValve = new Valve(output);
    Valve errorValve = new Valve(errors);
    Thread outputReader = read(process, process.getInputStream(), outputValve, killed);
    Thread errorReader = read(process, process.getErrorStream(), errorValve, killed);
    try {
      if (timeout == null) {
        process.waitFor();
      } else if (!process.waitFor(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS)) {
        killed.compareAndSet(null, new Ending.TimedOut(timeout));
        kill(process, GRACE);
      }
      long end = System.nanoTime() + LINGER.toNanos();
      join(outputReader, end);
      join(errorReader, end);
    } catch (InterruptedException interrupted) {
      killed.set(new Ending.OutputLost("interrupted"));
      signal(process, true);
      Thread.currentThread().interrupt();
    } finally {
      running.remove(process);
      outputValve.shut();
      errorValve.shut();
    }
    synchronized (gate) {
      if (closed) {
        throw new ChildrenClosedException();
      }
    }
    Ending ending = killed.get();
    return ending != null ? ending : new Ending.Exited(process.exitValue());
  }

  private Process start(List<byte[]> arguments) throws IOException, ChildrenClosedException {
    ProcessBuilder builder =
        new ProcessBuilder(arguments.stream().map(bytes -> new String(bytes, NATIVE)).toList());
    builder.redirectInput(NULL_DEVICE);
    synchronized (gate) {
      if (closed) {
        throw new ChildrenClosedException();
      }
      Process process = builder.start();
      running.add(process);
      return process;
    }
  }

  private static Ending notStarted(IOException refused) {
    String message = String.valueOf(refused.getMessage());
    Matcher matcher = ERROR_NUMBER.matcher(message);
    if (!matcher.find()) {
      return new Ending.NotStarted(message, true);
    }
    int errno = Integer.parseInt(matcher.group(1));
    return new Ending.NotStarted(
        Errno.describe(errno), errno != Errno.E2BIG && !Errno.isShortage(errno));
  }

  private static Thread read(
      Process process,
      InputStream stream,
      ByteSink sink,
      AtomicReference<@Nullable Ending> killed) {
    return Thread.ofVirtual()
        .start(() -> {
          byte[] buffer = new byte[64 * 1024];
          while (true) {
            int count;
            try {
              count = stream.read(buffer);
            } catch (IOException closedByUs) {
              return;
            }
            if (count < 0) {
              return;
            }
            try {
              sink.accept(ByteBuffer.wrap(buffer, 0, count));
            } catch (IOException lost) {
              killed.compareAndSet(null, new Ending.OutputLost(String.valueOf(lost.getMessage())));
              signal(process, true);
              return;
            }
          }
        });
  }

  private static void join(Thread reader, long end) throws InterruptedException {
    boolean _ = reader.join(Duration.ofNanos(Math.max(0, end - System.nanoTime())));
  }

  /** Lets output through until the child has ended; a reader may outlive that. */
  private static final class Valve implements ByteSink {
    private final ByteSink sink;
    private boolean isShut; // guarded by this

    Valve(ByteSink sink) {
      this.sink = sink;
    }

    @Override
    public synchronized void accept(ByteBuffer bytes) throws IOException {
      if (!isShut) {
        sink.accept(bytes);
      }
    }

    synchronized void shut() {
      isShut = true;
    }
  }

  private static void kill(Process process, Duration grace) throws InterruptedException {
    signal(process, false);
    process.waitFor(grace.toNanos(), TimeUnit.NANOSECONDS);
    signal(process, true);
  }

  private static void signal(Process process, boolean forcibly) {
    try (Stream<ProcessHandle> descendants = process.descendants()) {
      descendants.forEach(descendant -> {
        boolean _ = forcibly ? descendant.destroyForcibly() : descendant.destroy();
      });
    }
    if (forcibly) {
      var _ = process.destroyForcibly();
    } else {
      process.destroy();
    }
  }

  @Override
  public int close(Duration grace) {
    synchronized (gate) {
      if (closed) {
        return 0;
      }
      closed = true;
    }
    int count = running.size();
    running.forEach(process -> signal(process, false));
    long end = System.nanoTime() + grace.toNanos();
    try {
      for (Process process : running) {
        process.waitFor(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    running.forEach(process -> signal(process, true));
    return count;
  }
}
