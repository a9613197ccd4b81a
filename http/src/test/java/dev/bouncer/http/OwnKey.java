package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** TLS for a server on loopback, and for clients that trust it, with a key made for one test. */
final class OwnKey {
  private static final String PASSWORD = "of-a-key-that-lives-for-a-test";

  private OwnKey() {}

  /** Makes the key, and leaves it in the directory. */
  static SSLContext in(Path directory) throws Exception {
    Path file = directory.resolve("keys");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "test",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=ip:127.0.0.1",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keystore",
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("keytool.log").toFile())
            .start();
    assertEquals(0, keytool.waitFor(), () -> file + " was not made");
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    KeyManagerFactory server = KeyManagerFactory.getInstance("PKIX");
    server.init(keys, PASSWORD.toCharArray());
    TrustManagerFactory client = TrustManagerFactory.getInstance("PKIX");
    client.init(keys);
    SSLContext both = SSLContext.getInstance("TLS");
    both.init(server.getKeyManagers(), client.getTrustManagers(), null);
    return both;
  }
}
