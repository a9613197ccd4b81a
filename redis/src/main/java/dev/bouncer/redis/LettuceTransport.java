package dev.bouncer.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * The door to Redis through Lettuce: commands and messages on one connection (RESP3).
 *
 * <p>The driver neither reconnects nor replays anything by itself: only the semaphore knows what is
 * still true after a break.
 */
final class LettuceTransport implements Transport {
  private final RedisURI uri;
  private final RedisClient client;
  private final Duration connectTimeout;

  LettuceTransport(RedisURI uri, Duration connectTimeout) {
    this.uri = uri;
    this.connectTimeout = connectTimeout;
    uri.setTimeout(connectTimeout); // of the handshake: the driver would wait for a minute
    this.client = RedisClient.create(uri);
    client.setOptions(
        ClientOptions.builder()
            .autoReconnect(false)
            .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
            .protocolVersion(ProtocolVersion.RESP3)
            .socketOptions(
                SocketOptions.builder().connectTimeout(connectTimeout).tcpNoDelay(true).build())
            .timeoutOptions(TimeoutOptions.builder().timeoutCommands(false).build())
            .build());
  }

  @Override
  public CompletionStage<Link> connect() {
    CompletableFuture<StatefulRedisPubSubConnection<String, String>> opened =
        client.connectPubSubAsync(StringCodec.UTF8, uri).toCompletableFuture();
    return opened
        .thenCompose(connection ->
            connection
                .async()
                .info()
                .toCompletableFuture()
                .orTimeout(connectTimeout.toNanos(), TimeUnit.NANOSECONDS)
                .thenApply(info -> (Link) new LettuceLink(connection, ServerInfo.check(info)))
                .whenComplete((_, failure) -> {
                  if (failure != null) {
                    var _ = connection.closeAsync();
                  }
                }))
        .exceptionallyCompose(failure -> CompletableFuture.failedFuture(explain(failure)));
  }

  private RedisUnavailableException explain(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof RedisUnavailableException refused) {
      return new RedisUnavailableException(refused.getMessage() + " server=" + uri);
    }
    Throwable root = cause;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return new RedisUnavailableException(
        "Redis must be reachable: server=%s timeout=%s reason=%s"
            .formatted(uri, connectTimeout, root),
        cause);
  }

  @Override
  public void close() {
    var _ = client.shutdownAsync(0, 2, TimeUnit.SECONDS);
  }

  /** One connection. */
  private static final class LettuceLink implements Link {
    private final StatefulRedisPubSubConnection<String, String> connection;
    private final Server server;
    private final AtomicBoolean ended = new AtomicBoolean();

    LettuceLink(StatefulRedisPubSubConnection<String, String> connection, Server server) {
      this.connection = connection;
      this.server = server;
    }

    @Override
    public Server server() {
      return server;
    }

    @Override
    public CompletionStage<List<Object>> run(List<String> keys, List<String> arguments) {
      String[] keyArray = keys.toArray(String[]::new);
      String[] argumentArray = arguments.toArray(String[]::new);
      Script script = Script.SEMAPHORE;
      return connection
          .async()
          .<List<Object>>evalsha(script.digest(), ScriptOutputType.MULTI, keyArray, argumentArray)
          .exceptionallyCompose(failure ->
              cause(failure) instanceof RedisNoScriptException
                  ? connection
                      .async()
                      .<List<Object>>eval(
                          script.text(), ScriptOutputType.MULTI, keyArray, argumentArray)
                  : CompletableFuture.failedFuture(failure));
    }

    private static Throwable cause(Throwable failure) {
      return failure instanceof CompletionException && failure.getCause() != null
          ? failure.getCause()
          : failure;
    }

    @Override
    public CompletionStage<Void> subscribe(List<String> channels) {
      return connection.async().subscribe(channels.toArray(String[]::new));
    }

    @Override
    public void unsubscribe(List<String> channels) {
      var _ = connection.async().unsubscribe(channels.toArray(String[]::new));
    }

    @Override
    public void listen(BiConsumer<String, String> onMessage, Runnable onEnd) {
      connection.addListener(
          new RedisPubSubAdapter<>() {
            @Override
            public void message(String channel, String text) {
              onMessage.accept(channel, text);
            }
          });
      Runnable once =
          () -> {
            if (ended.compareAndSet(false, true)) {
              onEnd.run();
            }
          };
      connection.addListener(
          new RedisConnectionStateListener() {
            @Override
            public void onRedisDisconnected(RedisChannelHandler<?, ?> closed) {
              once.run();
            }
          });
      if (!connection.isOpen()) {
        once.run();
      }
    }

    @Override
    public void close() {
      var _ = connection.closeAsync();
    }
  }
}
