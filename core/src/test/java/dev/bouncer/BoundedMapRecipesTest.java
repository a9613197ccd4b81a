package dev.bouncer;

import static java.time.Duration.ofSeconds;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The recipes of docs/bounded-map.md, word for word, and what they promise. */
class BoundedMapRecipesTest {
  private final List<URI> urls =
      IntStream.range(0, 40).mapToObj(i -> URI.create("http://host" + i % 4 + "/" + i)).toList();

  private final List<String> indexed = Collections.synchronizedList(new ArrayList<>());
  private final List<String> log = Collections.synchronizedList(new ArrayList<>());

  private String fetch(URI url) throws IOException {
    if (url.getPath().endsWith("13")) {
      throw new IOException("410 Gone: " + url);
    }
    return "page " + url.getPath();
  }

  private String fetchAlways(URI url) {
    return "page " + url.getPath();
  }

  private void index(String page) {
    indexed.add(page);
  }

  @Test
  void inOrder() {
    // recipe: in-order
    List<String> pages;
    try (var pool = ThreadPool.of(5)) {
      pages = pool.map(urls, this::fetchAlways).toList();
    }
    // end
    assertEquals(urls.stream().map(this::fetchAlways).toList(), pages);
  }

  @Test
  void asTheyFinish() {
    var pool = ThreadPool.of(5);
    // recipe: as-they-finish
    pool.mapping(this::fetchAlways).unordered().over(urls).forEach(this::index);
    // end
    assertEquals(40, indexed.size());
    pool.close();
  }

  @Test
  void failFast() {
    var pool = ThreadPool.of(5);
    // recipe: fail-fast
    try {
      pool.map(urls, this::fetch).forEach(this::index);
    } catch (CompletionException failed) {
      log.add(failed.getMessage() + ": " + failed.getCause().getMessage());
    }
    // end
    assertEquals("a task failed: input index=13: 410 Gone: http://host1/13", log.getFirst());
    assertTrue(indexed.size() <= 13);
    pool.close();
  }

  @Test
  void collectAll() {
    var pool = ThreadPool.of(5);
    // recipe: collect-all
    pool.mapping(this::fetch)
        .resultsOver(urls)
        .forEach(result -> {
          switch (result) {
            case Result.Success(URI url, String page) -> index(page);
            case Result.Failure(URI url, Throwable cause) -> log.add(url + ": " + cause);
          }
        });
    // end
    assertEquals(39, indexed.size());
    assertEquals(1, log.size());
    pool.close();
  }

  @Test
  void timeLimit() {
    var pool = ThreadPool.of(5);
    // recipe: time-limit
    List<String> pages = pool.mapping(this::fetchAlways).timeout(ofSeconds(30)).over(urls).toList();
    // end
    assertEquals(40, pages.size());
    pool.close();
  }

  @Test
  void endless() {
    var pool = ThreadPool.of(5);
    // recipe: endless
    Iterable<Integer> numbers = () -> Stream.iterate(2, n -> n + 1).iterator();
    try (Stream<Integer> squares = pool.mapping((Integer n) -> n * n).buffer(20).over(numbers)) {
      squares.takeWhile(square -> square < 10_000).forEach(square -> index("" + square));
    } // what is still running is interrupted here, and has ended when this line is passed
    // end
    assertEquals("4", indexed.getFirst());
    assertEquals("9801", indexed.getLast());
    assertEquals(0, pool.stats().running());
    pool.close();
  }

  @Test
  void sharedLimit() throws Exception {
    // recipe: shared-limit
    var api = AsyncSemaphore.of(3); // the API allows three calls at once, whoever makes them
    try (var reports = ThreadPool.builder().maxWorkers(8).limiter(api).build();
        var imports = ThreadPool.builder().maxWorkers(8).limiter(api).build()) {
      var report = reports.submit(this::fetchAlways, urls.get(0));
      var pages = imports.map(urls, this::fetchAlways);
      var status = api.callAsync(() -> CompletableFuture.completedFuture("up"));
      log.add(report.get() + ", " + pages.count() + " pages, " + status.get());
    }
    // end
    assertEquals(List.of("page /0, 40 pages, up"), log);
    assertEquals(0, api.inUse());
  }

  @Test
  void byKey() {
    var pool = ThreadPool.of(16);
    // recipe: by-key
    Map<String, Limiter> hosts = new ConcurrentHashMap<>();
    List<String> pages =
        pool.mapping(this::fetchAlways)
            .limiter(url -> hosts.computeIfAbsent(url.getHost(), host -> AsyncSemaphore.of(2)))
            .over(urls)
            .toList();
    // end
    assertEquals(40, pages.size());
    assertEquals(4, hosts.size());
    pool.close();
  }

  @Test
  void progress() {
    var pool = ThreadPool.of(5);
    // recipe: progress
    pool.mapping(this::fetch)
        .onProgress(p -> log.add(p.done() + " done, " + p.failed() + " failed, " + p.remaining()))
        .resultsOver(urls)
        .forEach(result -> {});
    // end
    assertEquals("40 done, 1 failed, Optional[PT0S]", log.getLast());
    pool.close();
  }

  @Test
  void pipeline() {
    var pool = ThreadPool.of(5);
    // recipe: pipeline
    Map<String, Long> pagesByLetter =
        urls.stream()
            .filter(url -> url.getHost().endsWith("1"))
            .gather(BoundedGatherers.map(pool, this::fetchAlways))
            .collect(
                java.util.stream.Collectors.groupingBy(
                    page -> page.substring(0, 1),
                    TreeMap::new,
                    java.util.stream.Collectors.counting()));
    // end
    assertEquals(Map.of("p", 10L), pagesByLetter);
    pool.close();
  }

  // The page.

  private static final Pattern RECIPE =
      Pattern.compile("(?s) *// recipe: ([a-z-]+)\n(.*?)\n *// end\n");
  private static final Pattern BLOCK =
      Pattern.compile("(?s)<!-- recipe: ([a-z-]+) -->\n```java\n(.*?)\n```\n");

  @Test
  void docs_showExactlyTheseRecipes() {
    Path module = Path.of(System.getProperty("basedir", "."));
    var compiled =
        blocks(RECIPE, module.resolve("src/test/java/dev/bouncer/BoundedMapRecipesTest.java"));
    var shown = blocks(BLOCK, module.resolve("../docs/bounded-map.md"));
    assertEquals(10, compiled.size());
    assertEquals(compiled, shown);
  }

  @Test
  void fetch_failsForOne() {
    assertThrows(IOException.class, () -> fetch(urls.get(13)));
  }

  private static Map<String, String> blocks(Pattern pattern, Path file) {
    try {
      Map<String, String> blocks = new TreeMap<>();
      Matcher matcher = pattern.matcher(Files.readString(file));
      while (matcher.find()) {
        blocks.put(matcher.group(1), matcher.group(2).stripIndent());
      }
      return blocks;
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
