package dev.bouncer.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bouncer.Task;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What codecs can do for a pool, and what bad ones cannot do to it. */
@NullUnmarked
class CodecTest {
  private static ProcessPool pool;

  @TempDir Path folder;

  /** A class of some library: not serializable. */
  static final class Money {
    private final String currency;
    private final long cents;

    Money(String currency, long cents) {
      this.currency = currency;
      this.cents = cents;
    }

    String currency() {
      return currency;
    }

    long cents() {
      return cents;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Money money
          && money.cents == cents
          && money.currency.equals(currency);
    }

    @Override
    public int hashCode() {
      return currency.hashCode() + Long.hashCode(cents);
    }
  }

  // recipe: codec
  static final class MoneyCodec implements Codec<Money> {
    @Override
    public Class<Money> type() {
      return Money.class;
    }

    @Override
    public void write(Money money, DataOutputStream output) throws IOException {
      output.writeUTF(money.currency());
      output.writeLong(money.cents());
    }

    @Override
    public Money read(DataInputStream input) throws IOException {
      return new Money(input.readUTF(), input.readLong());
    }
  }

  // end

  interface Shape {
    double area();
  }

  static class Square implements Shape {
    final double side;

    Square(double side) {
      this.side = side;
    }

    @Override
    public double area() {
      return side * side;
    }
  }

  static final class ShapeCodec implements Codec<Shape> {
    @Override
    public Class<Shape> type() {
      return Shape.class;
    }

    @Override
    public void write(Shape shape, DataOutputStream output) throws IOException {
      output.writeDouble(Math.sqrt(shape.area()));
    }

    @Override
    public Shape read(DataInputStream input) throws IOException {
      return new Square(input.readDouble());
    }
  }

  /** Where the codec of a value fails. */
  enum Place {
    WRITE_IN_POOL,
    READ_IN_WORKER,
    WRITE_IN_WORKER,
    READ_IN_POOL
  }

  static final class Bad {
    final Place place;

    Bad(Place place) {
      this.place = place;
    }
  }

  static final class BadCodec implements Codec<Bad> {
    private static void fail(Bad bad, Place inPool, Place inWorker) {
      boolean worker = System.getProperty("dev.bouncer.process.worker") != null;
      if (bad.place == (worker ? inWorker : inPool)) {
        throw new IllegalStateException("it does not like to " + bad.place);
      }
    }

    @Override
    public Class<Bad> type() {
      return Bad.class;
    }

    @Override
    public void write(Bad bad, DataOutputStream output) throws IOException {
      output.writeUTF(bad.place.name());
      fail(bad, Place.WRITE_IN_POOL, Place.WRITE_IN_WORKER);
    }

    @Override
    public Bad read(DataInputStream input) throws IOException {
      Bad bad = new Bad(Place.valueOf(input.readUTF()));
      fail(bad, Place.READ_IN_POOL, Place.READ_IN_WORKER);
      return bad;
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Basket(String owner, List<Money> all, Map<String, Money> byName, Money[] array, Money one)
      implements Serializable {}

  static final class Refund extends RuntimeException {
    private static final long serialVersionUID = 1;

    @SuppressWarnings("serial")
    final Money money;

    Refund(Money money) {
      this.money = money;
    }
  }

  @BeforeAll
  static void makePool() {
    pool =
        ProcessPool.builder()
            .maxWorkers(1)
            .codecs(new MoneyCodec(), new ShapeCodec(), new BadCodec())
            .build();
  }

  @AfterAll
  static void closePool() {
    pool.close();
  }

  @Test
  void values_withACodec_travelAsInputResultCaptureAndElement() throws Exception {
    Money euro = new Money("EUR", 100);
    Task<Money, Money> twice = money -> new Money(money.currency(), money.cents() * 2);
    assertEquals(new Money("EUR", 200), pool.submit(twice, euro).get());
    assertEquals(101, pool.submit((Long more) -> euro.cents() + more, 1L).get());
    for (List<Money> list : List.of(List.of(euro), new ArrayList<>(List.of(euro, euro)))) {
      List<Money> back = pool.submit((List<Money> all) -> all, list).get();
      assertEquals(list, back);
      assertEquals(list.getClass(), back.getClass());
    }
    assertEquals(List.of(), pool.submit((List<Money> all) -> all, List.of()).get());
  }

  @Test
  void values_withACodec_travelDeepInsideOfOthersAndStayTheSame() throws Exception {
    Money one = new Money("EUR", 1);
    Map<String, Money> byName = new HashMap<>(Map.of("one", one));
    Basket basket = new Basket("Ada", List.of(one), byName, new Money[] {one, null}, one);
    Basket back = pool.submit((Basket sent) -> sent, basket).get();
    assertEquals(basket.owner, back.owner);
    assertEquals(basket.byName, back.byName);
    assertSame(back.one, back.all.getFirst());
    assertSame(back.one, back.byName.get("one"));
    assertSame(back.one, back.array[0]);
    assertEquals(one, back.one);
  }

  @Test
  void exception_thatHoldsAValueWithACodec_comesBackAsItself() {
    Money lost = new Money("EUR", 7);
    var task =
        pool.submit(() -> {
          throw new Refund(lost);
        });
    ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
    assertEquals(lost, assertInstanceOf(Refund.class, thrown.getCause()).money);
  }

  @Test
  void codec_ofAnInterface_isForAllThatImplementIt() throws Exception {
    Square square = new Square(3);
    assertEquals(9, pool.submit((Shape shape) -> shape.area(), square).get(), 1e-9);
    assertEquals(4, pool.submit(() -> (Shape) new Square(2)).get().area(), 1e-9);
  }

  @ParameterizedTest
  @EnumSource(names = "WRITE_IN_POOL", mode = EnumSource.Mode.EXCLUDE)
  void codec_thatFailsOnTheWay_failsItsTaskOnly(Place place) throws Exception {
    long worker = pool.submit(Tasks::pid).get();
    var task = pool.submit(() -> new Bad(Place.READ_IN_POOL));
    if (place != Place.READ_IN_POOL) {
      Bad bad = new Bad(place);
      task = pool.submit((Bad sent) -> sent, bad);
    }
    ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
    String message = thrown.getCause().getMessage();
    assertTrue(message.contains("codec must"), message);
    assertTrue(message.contains(BadCodec.class.getName()), message);
    assertTrue(message.contains("it does not like to " + place), message);
    assertEquals(worker, pool.submit(Tasks::pid).get());
  }

  @Test
  void codec_thatFailsToWriteAnInput_isRefusedAtTheSubmit() throws Exception {
    Bad bad = new Bad(Place.WRITE_IN_POOL);
    var refused =
        assertThrows(
            IllegalArgumentException.class, () -> pool.submit((Bad sent) -> sent.place, bad));
    assertTrue(refused.getMessage().contains(BadCodec.class.getName()), refused.getMessage());
    assertThrows(IllegalArgumentException.class, () -> pool.submit(() -> bad.place));
    assertEquals(4, pool.submit(Tasks::square, 2L).get());
  }

  @Test
  void codec_thatWorkersDoNotHave_breaksThePoolWithItsName() throws Exception {
    var failure = startFailure(ProcessPool.builder().classPath(List.of(folder)));
    assertTrue(failure.getMessage().contains("codec must be on the class path"), "" + failure);
    assertTrue(failure.getMessage().contains(MoneyCodec.class.getName()), "" + failure);
  }

  /** Its version is a property of the JVM that it is in. */
  static final class VersionedCodec implements Codec<Thread> {
    VersionedCodec() {
      if (version() == 13) {
        throw new IllegalStateException("unlucky");
      }
    }

    @Override
    public Class<Thread> type() {
      return Thread.class;
    }

    @Override
    public void write(Thread value, DataOutputStream output) {}

    @Override
    public Thread read(DataInputStream input) {
      return new Thread();
    }

    @Override
    public int version() {
      return Integer.getInteger("codec.version", 1);
    }
  }

  @Test
  void codec_ofAnotherVersionInTheWorkers_breaksThePoolWithBothVersions() throws Exception {
    var builder = ProcessPool.builder().jvmOptions("-Dcodec.version=2");
    var failure = startFailure(builder);
    assertTrue(failure.getMessage().contains("the same version"), "" + failure);
    assertTrue(failure.getMessage().contains("pool=1 worker=2"), "" + failure);
  }

  @Test
  void codec_thatCannotBeMadeInTheWorkers_breaksThePoolWithTheReason() throws Exception {
    var failure = startFailure(ProcessPool.builder().jvmOptions("-Dcodec.version=13"));
    assertTrue(failure.getMessage().contains("unlucky"), "" + failure);
  }

  private static WorkerStartException startFailure(ProcessPoolBuilder builder) throws Exception {
    builder.maxWorkers(1).output(WorkerOutput.DISCARD);
    try (var broken = builder.codecs(new MoneyCodec(), new VersionedCodec()).build()) {
      var task = broken.submit(Tasks::pid);
      ExecutionException thrown = assertThrows(ExecutionException.class, task::get);
      return assertInstanceOf(WorkerStartException.class, thrown.getCause());
    }
  }

  @Test
  void recipe_isWhatTheDocumentationShows() throws Exception {
    Path module = Path.of(System.getProperty("basedir", "."));
    String source =
        Files.readString(module.resolve("src/test/java/dev/bouncer/process/CodecTest.java"));
    Matcher recipe =
        Pattern.compile("// recipe: codec\n(.*?)\n *// end", Pattern.DOTALL).matcher(source);
    assertTrue(recipe.find());
    String documentation = Files.readString(module.resolve("../docs/process-pool.md"));
    String compiled = recipe.group(1).stripTrailing().stripIndent();
    assertNotNull(compiled);
    assertTrue(documentation.contains(compiled), "docs/process-pool.md must show:\n" + compiled);
  }
}
