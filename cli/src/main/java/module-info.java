/** The {@code bouncer} command. */
@SuppressWarnings(
    "requires-automatic") // HdrHistogram names no module; the tool runs from the class path
module dev.bouncer.cli {
  requires HdrHistogram;
  requires dev.bouncer.http;
  requires dev.bouncer.process;
  requires dev.bouncer.redis;
  requires info.picocli;
  requires java.net.http;
  requires jdk.httpserver;
  requires static org.jspecify;
  requires tools.jackson.core;

  opens dev.bouncer.cli to
      info.picocli;
  opens dev.bouncer.cli.demo to
      info.picocli;
  opens dev.bouncer.cli.fetch to
      info.picocli;
  opens dev.bouncer.cli.run to
      info.picocli;
  opens dev.bouncer.cli.sem to
      info.picocli;
}
