package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.net.http.HttpClient.Version;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RedirectsTest {
  @Test
  void next_queryAlone_keepsThePath() throws Exception {
    assertEquals("http://a.example/b/c?y=2", leadsTo("http://a.example/b/c?x=1", "?y=2"));
    assertEquals("http://a.example/b/d", leadsTo("http://a.example/b/c?x=1", "d"));
    assertEquals("http://a.example/d", leadsTo("http://a.example", "d"));
    assertEquals("http://a.example?y=2", leadsTo("http://a.example", "?y=2"));
  }

  @Test
  void next_anotherOrigin_getsNoCredentials() throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://a.example/"))
            .header("Authorization", "Bearer x")
            .header("Cookie", "x=y")
            .header("X-Api-Key", "x")
            .header("X-Amz-Security-Token", "x")
            .header("X-Goog-Signature", "x")
            .header("Accept", "text/plain")
            .header("User-Agent", "test")
            .build();
    assertEquals(
        Set.of("Accept", "User-Agent"),
        next(request, "http://b.example/").headers().map().keySet());
    assertEquals(7, next(request, "/elsewhere").headers().map().size());
    assertEquals(7, next(request, "http://A.example:80/").headers().map().size());
  }

  private static String leadsTo(String from, String location) throws Exception {
    return next(HttpRequest.newBuilder(URI.create(from)).build(), location).uri().toString();
  }

  private static HttpRequest next(HttpRequest request, String location) throws Exception {
    HttpHeaders headers = HttpHeaders.of(Map.of("Location", List.of(location)), (_, _) -> true);
    ResponseInfo response =
        new ResponseInfo() {
          @Override
          public int statusCode() {
            return 302;
          }

          @Override
          public HttpHeaders headers() {
            return headers;
          }

          @Override
          public Version version() {
            return Version.HTTP_1_1;
          }
        };
    return Redirects.next(request, response).orElseThrow();
  }
}
