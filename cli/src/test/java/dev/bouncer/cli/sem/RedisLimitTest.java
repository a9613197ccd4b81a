package dev.bouncer.cli.sem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

final class RedisLimitTest {
  private static String refusal(String text) {
    return assertThrows(
            TypeConversionException.class, () -> new RedisLimit.Converter().convert(text), text)
        .getMessage();
  }

  @ParameterizedTest
  @CsvSource({
    "redis://cache:6379/api=5, redis://cache:6379, api, 5",
    "rediss://cache/api=1, rediss://cache, api, 1",
    "redis://cache/2/api=2147483647, redis://cache/2, api, 2147483647",
    "redis://[::1]:6379/a=b=7, redis://[::1]:6379, a=b, 7",
    "redis://me:secret@cache/api=5, redis://me:secret@cache, api, 5"
  })
  void parse_limitWithItsNumber_isRead(String text, String server, String name, int limit) {
    assertEquals(new RedisLimit(server, name, limit), RedisLimit.parse(text));
    assertEquals(new RedisLimit(server, name, limit), new RedisLimit.Converter().convert(text));
    assertEquals(
        new RedisLimit(server, name, 3),
        RedisLimit.parse(text.substring(0, text.lastIndexOf('=')), 3));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "api",
        "api=5",
        "http://cache/api=5",
        "redis:cache/api=5",
        "redis://cache/api",
        "redis://cache=5",
        "redis://cache/=5",
        "redis:///api=5",
        "redis://:1/api=5",
        "redis://my_cache/api=5",
        "redis://ca che/api=5",
        "redis://cache:x/api=5",
        "redis://cache:65536/api=5",
        "redis://[::1/api=5",
        "redis://cache/zero/api=5",
        "redis://cache/1/2/api=5"
      })
  void convert_notALimit_saysHowOneLooks(String text) {
    assertEquals("limit must be redis://HOST:PORT/NAME=N: limit=" + text, refusal(text));
  }

  @Test
  void convert_wrongNumber_saysSo() {
    assertEquals(
        "limit must end with =N, a number: limit=redis://cache/api=x",
        refusal("redis://cache/api=x"));
    assertEquals(
        "limit must end with =N, a number: limit=redis://cache/api=3000000000",
        refusal("redis://cache/api=3000000000"));
    assertEquals("limit must be at least 1: limit=0", refusal("redis://cache/api=0"));
  }

  @Test
  void convert_password_isNotRepeated() {
    assertEquals(
        "limit must be redis://HOST:PORT/NAME=N: limit=redis://***@cache/api",
        refusal("redis://:hun/ter@2@cache/api"));
    assertEquals(
        "limit must end with =N, a number: limit=redis://***@cache/api=x",
        refusal("redis://me:hunter2@cache/api=x"));
  }

  @Test
  void parse_withoutNumber_saysHowTheNameLooks() {
    assertEquals(
        "limit must be redis://HOST:PORT/NAME: limit=redis://cache",
        assertThrows(IllegalArgumentException.class, () -> RedisLimit.parse("redis://cache", 1))
            .getMessage());
  }

  @Test
  void withPassword_encodesIt_unlessThereIsOne() {
    assertEquals(
        "redis://:p%40ss%20%2F@cache",
        new RedisLimit("redis://cache", "api", 5).withPassword("p@ss /"));
    assertEquals(
        "redis://me:mine@cache",
        new RedisLimit("redis://me:mine@cache", "api", 5).withPassword("other"));
  }
}
