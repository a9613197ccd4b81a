package dev.bouncer.http;

import java.io.IOException;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * Where a redirect leads (RFC 9110, section 15.4). Like {@link
 * java.net.http.HttpClient.Redirect#NORMAL}, never from HTTPS to HTTP; and what proves who the
 * caller is stays with the host it was meant for.
 */
final class Redirects {
  /** What the names of headers contain that prove who the caller is, in whatever API. */
  private static final List<String> SECRETS =
      List.of(
          "auth",
          "cookie",
          "token",
          "secret",
          "password",
          "credential",
          "session",
          "signature",
          "api-key",
          "apikey",
          "access-key");

  private Redirects() {}

  /**
   * Returns the request that follows, or empty if the response is no redirect or one that is not
   * followed.
   *
   * @throws IOException if the server sends the call to no valid address
   */
  static Optional<HttpRequest> next(HttpRequest request, ResponseInfo response) throws IOException {
    int status = response.statusCode();
    boolean redirect =
        switch (status) {
          case 301, 302, 303, 307, 308 -> true;
          default -> false;
        };
    Optional<String> location = response.headers().firstValue("Location");
    if (!redirect || location.isEmpty()) {
      return Optional.empty();
    }
    URI from = request.uri();
    URI to = resolve(from, location.get());
    if (isHttps(from) && !isHttps(to)) {
      return Optional.empty();
    }
    boolean keepsSecrets = Hosts.origin(from).equals(Hosts.origin(to));
    HttpRequest.Builder next =
        HttpRequest.newBuilder(request, (name, _) -> keepsSecrets || !isSecret(name));
    String method = request.method();
    boolean becomesGet =
        status == 303 ? !method.equals("HEAD") : status <= 302 && method.equals("POST");
    if (becomesGet) {
      next.method("GET", BodyPublishers.noBody());
    }
    return Optional.of(next.uri(to).build());
  }

  private static boolean isSecret(String header) {
    String name = lowerCase(header);
    return SECRETS.stream().anyMatch(name::contains);
  }

  private static URI resolve(URI from, String location) throws IOException {
    try {
      // URI.resolve() follows RFC 2396, by which a query alone would drop the last part of the
      // path.
      String reference =
          location.startsWith("?")
              ? Objects.requireNonNullElse(from.getRawPath(), "") + location
              : location;
      URI to = from.resolve(new URI(reference));
      if (to.getHost() == null || to.getScheme() == null) {
        throw invalid(from, location);
      }
      String scheme = lowerCase(to.getScheme());
      if (!scheme.equals("http") && !scheme.equals("https")) {
        throw invalid(from, location);
      }
      return to;
    } catch (java.net.URISyntaxException | IllegalArgumentException wrong) {
      throw invalid(from, location);
    }
  }

  private static ProtocolException invalid(URI from, String location) {
    String shown = location.length() <= 200 ? location : location.substring(0, 200) + "...";
    return new ProtocolException(
        "redirect must lead to an http or https address: location=" + shown + " from=" + from);
  }

  private static boolean isHttps(URI uri) {
    return "https".equalsIgnoreCase(uri.getScheme());
  }

  private static String lowerCase(String text) {
    return text.toLowerCase(Locale.ROOT);
  }
}
