package dev.bouncer.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Objects;

/**
 * The script that keeps the books in Redis.
 *
 * @param text in Lua
 * @param digest by which the server knows it: SHA-1 in hexadecimal
 */
record Script(String text, String digest) {
  static final Script SEMAPHORE = read("semaphore.lua");

  private static Script read(String resource) {
    try (InputStream in = Objects.requireNonNull(Script.class.getResourceAsStream(resource))) {
      byte[] text = in.readAllBytes();
      byte[] digest = MessageDigest.getInstance("SHA-1").digest(text);
      return new Script(new String(text, StandardCharsets.UTF_8), HexFormat.of().formatHex(digest));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
