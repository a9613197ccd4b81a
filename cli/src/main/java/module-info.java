/** The {@code bouncer} command. */
module dev.bouncer.cli {
  requires dev.bouncer.process;
  requires dev.bouncer.redis;
  requires info.picocli;
  requires java.net.http;
  requires jdk.httpserver;
  requires static org.jspecify;

  opens dev.bouncer.cli to
      info.picocli;
  opens dev.bouncer.cli.demo to
      info.picocli;
  opens dev.bouncer.cli.run to
      info.picocli;
  opens dev.bouncer.cli.sem to
      info.picocli;
}
