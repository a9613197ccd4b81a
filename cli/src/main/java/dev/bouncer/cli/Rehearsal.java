package dev.bouncer.cli;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpHandlers;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Does a little of what the commands do, so that the launcher can have the JVM keep the classes
 * they need (an AOT cache, JEP 514). It calls nothing but a server of its own on loopback.
 */
final class Rehearsal {
  private static final int OK = 200;

  private Rehearsal() {}

  /**
   * Runs a few jobs and fetches a few URLs.
   *
   * @param args a folder for what is fetched
   */
  public static void main(String[] args) throws IOException {
    InetSocketAddress free = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer server =
        HttpServer.create(free, 0, "/", HttpHandlers.of(OK, Headers.of(), "rehearsal"));
    server.start();
    int code;
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/";
      code = rehearse("run", "-j", "2", "echo", ":::", "1", "2", "3", "4");
      code += rehearse("fetch", "-j", "2", "--rate", "50/s", "-o", args[0], url + 1, url + 2);
    } finally {
      server.stop(0);
    }
    System.exit(code);
  }

  private static int rehearse(String... command) {
    return Main.commandLine().execute(command);
  }
}
