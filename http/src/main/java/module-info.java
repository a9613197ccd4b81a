/** LimitedHttpClient: a {@link java.net.http.HttpClient} behind limiters. */
module dev.bouncer.http {
  requires transitive dev.bouncer;
  requires transitive java.net.http;
  requires dev.failsafe.core;
  requires static transitive org.jspecify;

  exports dev.bouncer.http;
}
