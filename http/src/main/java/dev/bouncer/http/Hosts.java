package dev.bouncer.http;

import java.net.URI;
import java.util.Locale;

/** What counts as the same host. */
final class Hosts {
  private static final int HTTP_PORT = 80;
  private static final int HTTPS_PORT = 443;

  private Hosts() {}

  /**
   * Returns the key of a host: its name in lower case; with the port, if that is not the usual one
   * of its scheme, because another server answers there.
   */
  static String key(URI uri) {
    String host = String.valueOf(uri.getHost()).toLowerCase(Locale.ROOT);
    return uri.getPort() < 0 || uri.getPort() == usualPort(uri) ? host : host + ":" + uri.getPort();
  }

  /** Returns scheme, host and port, written out. */
  static String origin(URI uri) {
    String scheme = String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT);
    String host = String.valueOf(uri.getHost()).toLowerCase(Locale.ROOT);
    return scheme + "://" + host + ":" + (uri.getPort() < 0 ? usualPort(uri) : uri.getPort());
  }

  private static int usualPort(URI uri) {
    return "https".equalsIgnoreCase(uri.getScheme()) ? HTTPS_PORT : HTTP_PORT;
  }
}
