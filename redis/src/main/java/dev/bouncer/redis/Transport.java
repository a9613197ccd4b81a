package dev.bouncer.redis;

import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;

/** The door to Redis. Everything the semaphore asks of a driver is here. */
interface Transport {

  /**
   * Makes one attempt to connect, and checks that the server can be used.
   *
   * @return a link, or a failure with {@link RedisUnavailableException}
   */
  CompletionStage<Link> connect();

  /** Frees what the driver holds. Links that are still open are closed. */
  void close();

  /**
   * One connection, for commands and messages alike. It is never repaired: when it fails, another
   * one is made. Stages complete and messages arrive on the driver's thread, in the order in which
   * the server sent them; whoever hears of them must not block.
   */
  interface Link {

    /** Which server this is. */
    Server server();

    /** Runs the semaphore's script, loading it first if the server does not know it. */
    CompletionStage<List<Object>> run(List<String> keys, List<String> arguments);

    /** Listens to channels; complete when the server has confirmed. */
    CompletionStage<Void> subscribe(List<String> channels);

    /** Stops listening. */
    void unsubscribe(List<String> channels);

    /** Says who hears of messages, with channel and text, and of the end of the link, once. */
    void listen(BiConsumer<String, String> onMessage, Runnable onEnd);

    /** Ends the link. */
    void close();
  }

  /**
   * What has to be known of a server.
   *
   * @param run differs after each restart and on each replica
   * @param uptimeMillis how long it has surely been up
   * @param promoted whether it has taken over from another one since it was started
   */
  record Server(String run, long uptimeMillis, boolean promoted) {}
}
