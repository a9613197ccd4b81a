package dev.bouncer.benchmarks;

import com.pivovarit.collectors.ParallelCollectors;
import dev.bouncer.ThreadPool;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.stream.Gatherers;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Those who map many inputs in order, some at once, to a stream. */
enum StreamContender {
  BOUNCER {
    @Override
    <T, R> Stream<R> map(Iterable<T> inputs, int atOnce, Function<T, R> work) {
      var pool = ThreadPool.of(atOnce);
      return pool.<T, R>map(inputs, work::apply).onClose(pool::close);
    }
  },
  MAP_CONCURRENT {
    @Override
    <T, R> Stream<R> map(Iterable<T> inputs, int atOnce, Function<T, R> work) {
      return StreamSupport.stream(inputs.spliterator(), false)
          .gather(Gatherers.mapConcurrent(atOnce, work));
    }
  },
  PARALLEL_COLLECTORS {
    @Override
    <T, R> Stream<R> map(Iterable<T> inputs, int atOnce, Function<T, R> work) {
      return StreamSupport.stream(inputs.spliterator(), false)
          .collect(ParallelCollectors.parallelToOrderedStream(work, atOnce));
    }
  },
  REACTOR {
    @Override
    <T, R> Stream<R> map(Iterable<T> inputs, int atOnce, Function<T, R> work) {
      var threads = Executors.newVirtualThreadPerTaskExecutor();
      var scheduler = Schedulers.fromExecutorService(threads);
      return Flux.fromIterable(inputs)
          .flatMapSequential(
              input -> Mono.fromCallable(() -> work.apply(input)).subscribeOn(scheduler), atOnce)
          .toStream()
          .onClose(() -> {
            scheduler.dispose();
            threads.close();
          });
    }
  };

  /** Maps the inputs; the stream must be closed. */
  abstract <T, R> Stream<R> map(Iterable<T> inputs, int atOnce, Function<T, R> work);
}
