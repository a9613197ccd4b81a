package dev.bouncer.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.net.http.HttpClient.Version;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RedirectsTest {
  @Test
  void next_queryAlone_keepsThePath() throws Exception {
    assertEquals("http://a.example/b/c?y=2", leadsTo("http://a.example/b/c?x=1", "?y=2"));
    assertEquals("http://a.example/b/d", leadsTo("http://a.example/b/c?x=1", "d"));
    assertEquals("http://a.example/d", leadsTo("http://a.example", "d"));
    assertEquals("http://a.example?y=2", leadsTo("http://a.example", "?y=2"));
  }

  private static String leadsTo(String from, String location) throws Exception {
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
    return Redirects.next(HttpRequest.newBuilder(URI.create(from)).build(), response)
        .orElseThrow()
        .uri()
        .toString();
  }
}
