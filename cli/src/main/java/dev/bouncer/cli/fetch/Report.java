package dev.bouncer.cli.fetch;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * A file with one JSON object a line for each URL that has ended. Each line is written at once and
 * whole, so that the report is right up to the last URL even if the process is killed; a line that
 * the end of the machine has torn is cut off when the run is resumed. Lines that do not fit on the
 * disk are held back until there is room.
 */
final class Report implements AutoCloseable {
  private static final JsonFactory JSON = new JsonFactory();

  /** How each line begins. */
  private static final byte[] BEGINNING = "{\"url\":".getBytes(US_ASCII);

  private final LineAppender lines;
  private final UrlHashes known;

  private Report(FileChannel file, UrlHashes known) throws IOException {
    this.lines = new LineAppender(file);
    this.known = known;
  }

  /** Begins a report. Fails if there is one already. */
  static Report begin(Path path) throws IOException {
    return new Report(
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
        new UrlHashes());
  }

  /** Goes on with a report, or begins it if there is none. */
  static Report resume(Path path) throws IOException {
    UrlHashes known = new UrlHashes();
    if (Files.exists(path)) {
      long whole = wholeLines(path);
      known = fetched(path, whole); // only what is surely a report is changed
      cutTornLine(path, whole);
    }
    return new Report(
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND),
        known);
  }

  /** Returns how many bytes the whole lines have. */
  private static long wholeLines(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      for (long at = file.length(); at > 0; at--) {
        file.seek(at - 1);
        if (file.read() == '\n') {
          return at;
        }
      }
      return 0;
    }
  }

  private static void cutTornLine(Path path, long whole) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      byte[] torn = new byte[(int) Math.min(BEGINNING.length, file.length() - whole)];
      file.seek(whole);
      file.readFully(torn);
      if (!Arrays.equals(torn, Arrays.copyOf(BEGINNING, torn.length))) {
        throw new IOException("report must be one that bouncer has written: its last line is not");
      }
      file.setLength(whole);
    }
  }

  /** Reads which URLs are here. */
  private static UrlHashes fetched(Path path, long end) throws IOException {
    UrlHashes known = new UrlHashes();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(path));
        JsonParser parser = JSON.createParser(ObjectReadContext.empty(), in)) {
      while (parser.currentLocation().getByteOffset() < end - 1
          && parser.nextToken() == JsonToken.START_OBJECT) {
        String url = null;
        boolean ok = false;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          String name = parser.currentName();
          JsonToken value = parser.nextToken();
          switch (name) {
            case "url" -> url = parser.getValueAsString();
            case "ok" -> ok = value == JsonToken.VALUE_TRUE;
            default -> parser.skipChildren();
          }
        }
        if (ok && url != null) {
          known.add(Url.parse(url));
        }
      }
    } catch (JacksonException | Url.MalformedException wrong) {
      throw new IOException("report must be one that bouncer has written: " + wrong.getMessage());
    }
    return known;
  }

  /** Returns whether the report said, when it was opened, that this URL is here. */
  boolean knows(Url url) {
    return known.contains(url);
  }

  /**
   * Adds a line, in the file or in memory.
   *
   * @throws IOException if the file takes nothing, and memory should not take more
   */
  void add(Entry entry) throws IOException {
    lines.add(line(entry));
  }

  static byte[] line(Entry entry) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
      json.writeStartObject();
      json.writeStringProperty("url", entry.url());
      json.writeBooleanProperty("ok", entry.ok());
      if (entry.status().isPresent()) {
        json.writeNumberProperty("status", entry.status().getAsInt());
      }
      if (entry.error() != null) {
        json.writeStringProperty("error", entry.error());
      }
      if (entry.file() != null) {
        json.writeStringProperty("file", entry.file());
      }
      if (entry.bytes().isPresent()) {
        json.writeNumberProperty("bytes", entry.bytes().getAsLong());
      }
      if (entry.redirectedTo() != null) {
        json.writeStringProperty("redirectedTo", entry.redirectedTo());
      }
      json.writeNumberProperty("attempts", entry.attempts());
      json.writeNumberProperty("waitedMs", millis(entry.waited()));
      json.writeNumberProperty("tookMs", millis(entry.took()));
      json.writeStringProperty("at", entry.at().toString());
      json.writeEndObject();
    }
    bytes.write('\n');
    return bytes.toByteArray();
  }

  private static double millis(Duration time) {
    return Math.round(time.toNanos() / 1e3) / 1e3;
  }

  /**
   * Ends the report. Does nothing when called again.
   *
   * @throws IOException if lines are missing, which the message counts
   */
  @Override
  public void close() throws IOException {
    try {
      lines.close();
    } catch (IOException full) {
      throw new IOException(
          "report is not complete: missing lines=%,d: %s"
              .formatted(lines.heldBack(), Reason.messageOf(full)),
          full);
    }
  }
}
