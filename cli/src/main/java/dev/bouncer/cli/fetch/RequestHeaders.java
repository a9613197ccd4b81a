package dev.bouncer.cli.fetch;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The headers of each request.
 *
 * @param all in this order
 */
record RequestHeaders(List<Header> all) {
  private static final URI NOWHERE = URI.create("http://localhost");
  private static final String USER_AGENT = "User-Agent";

  /** One of them. */
  record Header(String name, String value) {
    /** Values may be secrets. */
    @Override
    public String toString() {
      return name + ": ***";
    }
  }

  /** What is wrong with a file of headers. Tells where, not what: it may be a secret. */
  static final class MalformedException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedException(String message) {
      super(message);
    }
  }

  static RequestHeaders of(String userAgent) {
    return new RequestHeaders(List.of(new Header(USER_AGENT, userAgent)));
  }

  /**
   * Adds those of a file: a line {@code Name: value} for each; blank lines and those that begin
   * with # are left out.
   */
  RequestHeaders with(Path file) throws IOException, MalformedException {
    List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    List<Header> added = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (!line.isEmpty() && !line.startsWith("#")) {
        added.add(header(line, i + 1));
      }
    }
    boolean ownAgent = added.stream().anyMatch(header -> isUserAgent(header.name));
    List<Header> headers = new ArrayList<>(all);
    headers.removeIf(header -> ownAgent && isUserAgent(header.name));
    headers.addAll(added);
    return new RequestHeaders(List.copyOf(headers));
  }

  private static Header header(String line, int number) throws MalformedException {
    int colon = line.indexOf(':');
    if (colon < 1) {
      throw new MalformedException("header must be like 'Name: value': line=" + number);
    }
    Header header = new Header(line.substring(0, colon).strip(), line.substring(colon + 1).strip());
    try {
      var _ = HttpRequest.newBuilder(NOWHERE).header(header.name, header.value);
    } catch (IllegalArgumentException invalid) {
      throw new MalformedException("header must be one that can be set: line=" + number);
    }
    return header;
  }

  private static boolean isUserAgent(String name) {
    return name.equalsIgnoreCase(USER_AGENT);
  }

  void addTo(HttpRequest.Builder request) {
    all.forEach(header -> request.header(header.name, header.value));
  }
}
